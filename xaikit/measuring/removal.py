"""Subsets of an input's positions taken away: what the map says of them, and what the model does."""

from dataclasses import dataclass
from typing import NamedTuple

from ..core import Model, Tensor, dims, tf
from ..core.baselines import Draw
from ..core.cells import Cells, lay_cells
from ..core.copies import Number
from ..core.masking import masked_scores
from .case import Case
from .positions import mapped, relevances

_EVERY = 2**31  # cells along an axis, at most as many as there are positions


@dataclass(frozen=True)
class Units:
    """What is taken away together: positions, or cells of them, of every input that the map lies on.

    Attributes:
        grids: By the number of the input among the leaves, in order.
    """

    grids: dict[int, Cells]

    @property
    def count(self) -> int:
        """How many units there are in all."""
        return sum(grid.count for grid in self.grids.values())

    def spread(self, chosen: Tensor) -> dict[int, Tensor]:
        """Give each position what its unit has: [units] to [*positions] of each input."""
        parts = tf.split(chosen, [grid.count for grid in self.grids.values()])
        return {number: grid.spread(part) for (number, grid), part in zip(self.grids.items(), parts, strict=True)}


class Effects(NamedTuple):
    """What taking subsets away does.

    Attributes:
        sums: Of the relevance of each subset, float64 [B, n].
        drops: Of the score without each subset, [B, n], but for what is the same for all of them: f(x).
    """

    sums: Tensor
    drops: Tensor


def units_of(case: Case, cells: int | None, metric: str) -> Units:
    """Lay cells over every input that the map lies on; without a number of cells each position is a unit.

    Raises:
        ModelError: The input's size is not known.
    """
    most = _EVERY if cells is None else cells
    return Units({one.number: lay_cells(one.inputs, most, metric) for one in mapped(case.maps, case.inputs)})


def effects(model: Model, case: Case, units: Units, chosen: Tensor, fill: Draw, seed: int) -> Effects:
    """Take subsets of units away, one at a time.

    Cost: a forward pass for each subset.

    Args:
        model: The view whose scores are followed.
        case: What is measured.
        units: Of the inputs.
        chosen: The subsets, boolean [n, units], the same for every example.
        fill: What takes their place.
        seed: Which draw of it.
    """
    fills = tf.nest.flatten(fill((seed,)))

    def copy(i: Number) -> Tensor:
        leaves = list(tf.nest.flatten(case.inputs))
        for number, gone in units.spread(chosen[i]).items():
            gone = gone if leaves[number].shape.rank == 2 else gone[..., tf.newaxis]
            leaves[number] = tf.where(gone, fills[number], leaves[number])
        return tf.nest.pack_sequence_as(case.inputs, leaves)

    scores = masked_scores(model, case.inputs, case.targets, dims(chosen)[0], copy)[:, 0]
    return Effects(_sums(relevances(case.maps, case.inputs), units, chosen), -scores)


def _sums(relevance: Tensor, units: Units, chosen: Tensor) -> Tensor:
    """Add up the relevance of each subset, [B, n]; subsets of a constant map have exactly equal sums."""
    lowest = tf.reduce_min(relevance, axis=1, keepdims=True)

    def one(subset: Tensor) -> Tensor:
        gone = tf.concat([tf.reshape(part, [-1]) for part in units.spread(subset).values()], axis=0)
        size = tf.reduce_sum(tf.cast(gone, tf.float64))
        return tf.reduce_sum(tf.where(gone, relevance - lowest, 0), axis=1) + size * lowest[:, 0]

    signature = tf.TensorSpec([relevance.shape[0]], tf.float64)
    return tf.transpose(tf.map_fn(one, chosen, fn_output_signature=signature))
