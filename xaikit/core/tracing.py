"""What is known while a step is traced: its place in the expression, the row budget, forward passes made, notes.

All of it is Python-side and gone when the trace ends. A context variable carries it, since a step takes tensors only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from .explanation import Tensor

Place = tuple[int, ...]


@dataclass(frozen=True)
class Trace:
    """The surroundings of a step that is being traced.

    Attributes:
        place: Which branch of the expression is running: () is the outermost explainer, (0,) its first operand.
        budget: The most rows that the model may be fed at once, a number or a scalar tensor; None is one copy a time.
        passes: Forward passes made in this trace, so that the same inputs do not run through the model twice.
        notes: What explainers found out while binding, such as the layer that they chose.
        warnings: Conditions, boolean scalars of the outermost graph, with what to say where they hold.
        graph: The outermost graph of this trace.
        only_shapes: True where maps are looked at for their shape alone, and need not be traced in full.
    """

    place: Place = ()
    budget: Tensor | int | None = None
    passes: list[Any] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    warnings: list[tuple[str, Tensor]] = field(default_factory=list)
    graph: Any = None
    only_shapes: bool = False


_current: ContextVar[Trace | None] = ContextVar("xaikit_trace", default=None)


def current() -> Trace:
    """Give the trace that is going on; outside of one, an empty one."""
    return _current.get() or Trace()


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """Make `trace` the current one."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


@contextmanager
def operand(index: int) -> Iterator[None]:
    """Go down one level: what runs inside is operand `index` of what runs outside."""
    trace = current()
    with tracing(replace(trace, place=(*trace.place, index))):
        yield


@contextmanager
def shapes_only() -> Iterator[None]:
    """Ask for maps of the right shape and structure, whatever their values."""
    with tracing(replace(current(), only_shapes=True)):
        yield


def note(subject: str, text: str) -> None:
    """Keep a finding for the result: "layer" was "backbone/conv5", "scores" are "logits"."""
    notes = current().notes
    known = notes.get(subject)
    if known is None:
        notes[subject] = text
    elif text not in known.split(", "):
        notes[subject] = f"{known}, {text}"


def warn_where(condition: Tensor, text: str) -> None:
    """Have the caller warned with `text` if `condition`, a boolean scalar, holds for the data."""
    trace = current()
    if trace.graph is not None and condition.graph is trace.graph:  # a loop's tensors cannot leave the loop
        trace.warnings.append((text, condition))
