"""The score while more and more positions are removed, in the order of their relevance."""

from collections.abc import Sequence
from typing import Any, Literal

from ..core import Model, Tensor, forward, tf
from ..core.copies import Number
from ..core.lazy import np
from ..core.masking import masked_scores
from .case import Case
from .ranking import ranks, relevance, replaced

Order = Literal["most_relevant", "least_relevant", "random"]


def places(case: Case, order: Order, seed: int) -> Tensor:
    """Say of each position when it is removed, [B, n] from 0; those of equal relevance in a random order."""
    values = relevance(case.maps, case.inputs)
    sign = {"most_relevant": 1, "least_relevant": -1, "random": 0}[order]
    return ranks(values * tf.cast(sign, values.dtype), (seed,))


def counts_of(shares: Sequence[float], positions: int) -> Any:
    """Give how many positions are removed at shares of them, the nearest whole numbers, each once and in order."""
    return np.unique(np.floor(np.asarray(shares, float) * positions + 0.5 + 1e-9).astype(int))


def removal_curve(view: Model, case: Case, place: Tensor, counts: Any, fill: Tensor) -> Tensor:
    """Give the scores [B, P] while `fill` takes the place of the first `counts` positions; none at first.

    Cost: a forward pass for each count but the first; that of the clean inputs is made anyway.
    """
    numbers = tf.constant(counts[1:], place.dtype)

    def copy(i: Number) -> Tensor:
        return replaced(place < numbers[i], case.maps, case.inputs, fill)

    return scores_along(view, case, len(counts) - 1, copy)


def scores_along(view: Model, case: Case, count: int, copy: Any) -> Tensor:
    """Give the scores of the clean inputs, and of `copy(0)` to `copy(count - 1)`, [B, 1 + count]."""
    clean = forward(view, case.inputs, case.targets)
    removed = masked_scores(view, case.inputs, case.targets, count, copy)
    return tf.concat([clean, removed[:, 0]], axis=1)


def area(curve: Tensor, at: Any) -> Tensor:
    """Give the area under curves [B, P] with the places [P], by trapezoids, divided by the width: their mean height."""
    widths = tf.constant(np.diff(at) / (at[-1] - at[0]), curve.dtype)
    return tf.reduce_sum((curve[:, 1:] + curve[:, :-1]) / 2 * widths, axis=1)
