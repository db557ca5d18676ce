"""Goals: targets of which a part is resolved once, on the clean inputs, and kept for every copy, view and mask.

What was resolved lives in the outermost graph of a trace, a row for each example. Steps carry the numbers of those rows
where they carry class indices otherwise: copies tile them, and so each copy finds what its example resolved.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import TargetError
from .copies import dims
from .explanation import Tensor
from .lazy import np, tf
from .passes import Pass
from .targets import Chosen, Helper
from .tracing import current, tracing

if TYPE_CHECKING:
    from .view import Model


class Given(NamedTuple):
    """An array that a goal needs for each example.

    Attributes:
        values: The same for every example, or [N, ...], one for each.
        each: Whether each has its own.
    """

    values: Any
    each: bool = False


class Goal(Helper):
    """A target function in two parts: `resolve` runs once, on the clean scores, and `__call__` on those of every copy.

    Subclass it for a goal of your own, a frozen dataclass: equal ones are compiled once, as long as one of them lives.
    """

    @property
    def key(self) -> Hashable:
        """What a trace depends on: goals of equal keys share one. Values that `given` hands over are not part of it."""
        return self

    def chosen(self) -> Chosen:
        """Give the form in which a step takes them."""
        return Chosen(np.zeros([1], np.int32), self, text=repr(self))

    def given(self, outputs: Tensor) -> Sequence[Given]:
        """Check against the model's outputs, a structure of what has a shape, and give the arrays that `resolve` needs.

        Raises:
            TargetError: They do not fit.
        """
        return ()

    def read(self, outputs: Tensor, score: Any) -> Tensor:
        """Give the scores, from the model's outputs: `score` turns one of them into its logits, if it has some."""
        return tf.nest.map_structure(score, outputs)

    def explained(self, scores: Tensor) -> Tensor:
        """Give those of the scores on which the call depends for its gradient: layers are looked for on the way."""
        return scores

    def resolve(self, scores: Tensor, *given: Tensor) -> Tensor:
        """Give what is kept, a structure of tensors [B, ...], of the clean scores and the arrays, [B, ...] each."""
        return ()

    def __call__(self, scores: Tensor, resolved: Tensor) -> Tensor:
        """Give one number for each row, [B], or several, [B, T], of its scores and what was resolved for it."""
        raise NotImplementedError

    def mirrored(self, resolved: Tensor) -> Tensor:
        """Give what was resolved as copies see it that are mirrored along the last axis of positions."""
        return resolved

    def check_resized(self) -> None:
        """Refuse views of another size, where what was resolved means nothing in them."""

    def indices(self, resolved: Tensor) -> Tensor:
        """Give the indices that are explained, [B, T], for the result; or None."""
        return None


@dataclass
class Frozen:
    """What a goal resolved in the trace that is going on.

    Attributes:
        goal: The goal.
        resolved: A structure of tensors [B, ...] of the outermost graph.
        mirrors: Whether there are mirrored copies.
    """

    goal: Goal
    resolved: Tensor
    mirrors: bool = False

    def of(self, codes: Tensor) -> Tensor:
        """Give what copies [b, ...] kept, whose codes are [b, T]: the example's row, or its complement if mirrored."""
        rows = codes[:, 0]
        plain = self._at(tf.where(rows < 0, -1 - rows, rows))
        if not self.mirrors:
            return plain

        def either(there: Tensor, here: Tensor) -> Tensor:
            turned = tf.reshape(rows < 0, [-1, *[1] * (here.shape.rank - 1)])
            return tf.where(turned, there, here)

        return tf.nest.map_structure(either, self.goal.mirrored(plain), plain)

    def _at(self, rows: Tensor) -> Tensor:
        return tf.nest.map_structure(lambda leaf: tf.gather(leaf, rows), self.resolved)


@contextmanager
def frozen_goal(model: "Model", inputs: Tensor, given: Sequence[Tensor] | None = None) -> Iterator[Tensor]:
    """Resolve a view's goal on the clean inputs, and keep that for what is traced inside.

    Args:
        model: The view.
        inputs: [B, ...], in the outermost graph.
        given: The goal's arrays, [B, ...] each; None takes them from the goal itself.

    Yields:
        The codes that stand for the examples, [B, 1].
    """
    rows = dims(tf.nest.flatten(inputs)[0])[0]
    frozen = Frozen(_goal(model), _resolved(model, model.run(inputs), rows, given))
    with tracing(replace(current(), frozen=frozen)):
        yield tf.range(rows)[:, tf.newaxis]


def aimed(model: "Model", made: Pass, codes: Tensor) -> Tensor:
    """Give the scores [b] or [b, T] of a view's goal, for copies of the examples that `codes` stand for."""
    frozen = current().frozen
    # outside of any trace of ours there are no copies: these inputs are the clean ones
    kept = frozen.of(codes) if frozen is not None else _resolved(model, made, dims(codes)[0], None)
    return _goal(model)(model.all_scores(made), kept)


def constants(targets: Tensor) -> list[Tensor]:
    """List what was found by the scores themselves and counts as constant: targets, and what a goal resolved."""
    frozen = current().frozen
    return [targets, *(tf.nest.flatten(frozen.resolved) if frozen is not None else [])]


def frozen_indices() -> Tensor:
    """Give the indices [B, T] that the goal of the trace says it explains, for the result; () where it has none."""
    frozen = current().frozen
    found = frozen.goal.indices(frozen.resolved)
    return () if found is None else found


def aims(targets: Tensor, *, mirrored: Callable[[Any], Tensor] | None, resized: bool) -> Callable[[Any], Tensor] | None:
    """Give the targets of views of the inputs, by the view's number, or None where they are those of the inputs.

    Args:
        targets: Those of the inputs themselves, [B, T].
        mirrored: From a view's number to whether it is mirrored along the last axis of positions; None if none is.
        resized: Whether the views are of another size.

    Raises:
        TargetError: What a goal keeps means nothing in such a view.
    """
    frozen = current().frozen
    if frozen is None:
        return None
    if resized:
        frozen.goal.check_resized()
    if mirrored is None:
        return None
    frozen.mirrors = True
    return lambda i: tf.where(mirrored(i), -1 - targets, targets)


def _goal(model: "Model") -> Goal:
    goal: Any = model.target_function
    return goal  # type: ignore[no-any-return]


def _resolved(model: "Model", made: Pass, rows: Any, given: Sequence[Tensor] | None) -> Tensor:
    goal = _goal(model)
    if given is None:
        given = [_tiled(each, rows, goal) for each in goal.given(model.explained(made))]
    kept = goal.resolve(model.all_scores(made), *given)
    return tf.nest.map_structure(lambda leaf: tf.stop_gradient(tf.convert_to_tensor(leaf)), kept)


def _tiled(given: Given, rows: Any, goal: Goal) -> Tensor:
    values = tf.constant(given.values)
    if not given.each:
        return tf.broadcast_to(values, [rows, *values.shape])
    if isinstance(rows, int) and len(given.values) != rows:
        raise TargetError(f"{goal!r} is for {len(given.values)} examples, and there are {rows}.")
    return values
