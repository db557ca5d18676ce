"""What is known while a step is traced: its level in the expression, the row budget, forward passes made, notes.

All of it is Python-side and gone when the trace ends. A context variable carries it, since a step takes tensors only.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from .explanation import Tensor
from .lazy import tf


@dataclass(frozen=True)
class Trace:
    """The surroundings of a step that is being traced.

    Attributes:
        level: How high above the innermost explainer the one that is running stands: 0 for a method.
        budget: The most rows that the model may be fed at once, a number or a scalar tensor; None is one copy a time.
        passes: Forward passes made in this trace, so that the same inputs do not run through the model twice.
        notes: What explainers found out while binding, such as the layer that they chose.
        warnings: Conditions, boolean scalars of the outermost graph, with what to say where they hold.
        graph: The outermost graph of this trace.
        rules: The backward rules in force, by type of op: a forward pass made under others is another one.
        rectifiers: The rules by which gradients that are asked for go through ReLUs, by type of op.
        only_shapes: True where maps are looked at for their shape alone, and need not be traced in full.
        text: The spelling of the explainer that is running.
        details: (name, spelling of the explainer, figures [B, T]), where the user asked for details; else None.
        jit: Whether XLA compiles what is traced.
        frozen: What a goal resolved on the clean inputs, where the targets are one; else None.
        beside: Arrays of the user's beside the inputs, [B, ...] each, by name: maps that are measured, masks.
    """

    level: int = 0
    budget: Tensor | int | None = None
    passes: list[Any] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    warnings: list[tuple[str, Tensor]] = field(default_factory=list)
    graph: Any = None
    rules: tuple[tuple[str, str], ...] = ()
    rectifiers: Mapping[str, Any] = field(default_factory=dict)
    only_shapes: bool = False
    text: str = ""
    details: list[tuple[str, str, Tensor]] | None = None
    jit: bool = False
    frozen: Any = None
    beside: Mapping[str, Any] = field(default_factory=dict)


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
def new_trace(**known: Any) -> Iterator[Trace]:
    """Begin a trace in the current graph."""
    scope = tf.compat.v1.get_variable_scope()
    caching = scope.caching_device
    try:
        with tracing(Trace(graph=tf.compat.v1.get_default_graph(), **known)) as trace:
            yield trace
    finally:
        # an exception inside of tf.map_fn leaves this set, and with it no strategy of the process can be entered
        scope.set_caching_device(caching)


@contextmanager
def at_level(level: int, text: str = "") -> Iterator[None]:
    """Run what is inside at `level`, as the explainer that is spelled `text`; the innermost call counts."""
    with tracing(replace(current(), level=level, text=text)):
        yield


_below: ContextVar[list[int] | None] = ContextVar("xaikit_levels", default=None)


@contextmanager
def levels_below() -> Iterator[list[int]]:
    """Collect the levels of the explainers that are bound inside, however deep in other objects they are hidden.

    An explainer's level is one more than the highest of those: it does not change when the explainer is wrapped, so
    that `positive(smooth(e))` draws what `smooth(e)` draws, and no two levels of an expression draw the same.
    """
    levels: list[int] = []
    token = _below.set(levels)
    try:
        yield levels
    finally:
        _below.reset(token)
    if (outer := _below.get()) is not None:
        outer.extend(levels)


def count_level(level: int) -> None:
    """Report the level of an explainer that was bound."""
    if (outer := _below.get()) is not None:
        outer.append(level)


@contextmanager
def under_rules(names: dict[str, str]) -> Iterator[None]:
    """Note that ops made inside have other gradients, by type of op."""
    with tracing(replace(current(), rules=(*current().rules, *sorted(names.items())))):
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
    elif f", {text}, " not in f", {known}, ":
        notes[subject] = f"{known}, {text}"


def warn_where(condition: Tensor, text: str) -> None:
    """Have the caller warned with `text` if `condition`, a boolean scalar, holds for the data."""
    trace = current()
    if trace.graph is not None and condition.graph is trace.graph:  # a loop's tensors cannot leave the loop
        trace.warnings.append((text, condition))


@contextmanager
def without_details() -> Iterator[None]:
    """Explain copies, views or steps, which are no inputs of the user's: nothing is reported of them."""
    with tracing(replace(current(), details=None)):
        yield


def detailed() -> bool:
    """Whether figures of the maps that are being traced are asked for."""
    trace = current()
    return trace.details is not None and not trace.only_shapes and tf.compat.v1.get_default_graph() is trace.graph


def detail(name: str, make: Callable[[], Tensor]) -> None:
    """Report a figure of each map, such as its "completeness_gap", where the user asked for details.

    Of an explainer that runs on copies, views or steps of the inputs nothing is reported.

    Args:
        name: What the figure is called, in lower case.
        make: Gives it, [B, T]; called only where it is wanted.
    """
    trace = current()
    if detailed() and trace.details is not None:
        trace.details.append((name, trace.text, make()))


def named(details: list[tuple[str, str, Tensor]]) -> dict[str, Tensor]:
    """Give details by name; where several explainers report one, by name and explainer."""
    texts: dict[str, set[str]] = {}
    for name, text, _ in details:
        texts.setdefault(name, set()).add(text)
    return {name if len(texts[name]) == 1 else f"{name} of {text}": tensor for name, text, tensor in details}
