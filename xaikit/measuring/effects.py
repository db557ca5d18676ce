"""Random subsets of positions taken away: what the map says of them, and what the model does."""

from dataclasses import dataclass
from typing import NamedTuple

from ..core import Model, Tensor, dims, tf
from ..core.cells import Cells, lay_cells
from ..core.copies import Number
from ..core.masking import masked_scores
from .case import Case
from .ranking import lying, relevance, replaced

_EVERY = 2**31  # cells along an axis, at most as many as there are positions


@dataclass(frozen=True)
class Units:
    """What is taken away together: positions, or cells of them, of every input that the map lies on.

    Attributes:
        grids: Of those inputs, in order.
    """

    grids: tuple[Cells, ...]

    @property
    def count(self) -> int:
        """How many units there are in all."""
        return sum(grid.count for grid in self.grids)

    def spread(self, chosen: Tensor) -> Tensor:
        """Give each position what its unit has: [units] to [positions]."""
        parts = tf.split(chosen, [grid.count for grid in self.grids])
        spread = [grid.spread(part) for grid, part in zip(self.grids, parts, strict=True)]
        return tf.concat([tf.reshape(part, [-1]) for part in spread], axis=0)


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
    return Units(tuple(lay_cells(leaf, most, metric) for _, leaf in lying(case.maps, case.inputs)))


def effects(model: Model, case: Case, units: Units, chosen: Tensor, fill: Tensor) -> Effects:
    """Take subsets of units away, one at a time.

    Cost: a forward pass for each subset.

    Args:
        model: The view whose scores are followed.
        case: What is measured.
        units: Of the inputs.
        chosen: The subsets, boolean [n, units], the same for every example.
        fill: What takes their place, like the inputs.
    """

    def copy(i: Number) -> Tensor:
        rows = dims(tf.nest.flatten(case.inputs)[0])[0]
        gone = tf.tile(units.spread(chosen[i])[tf.newaxis], [rows, 1])
        return replaced(gone, case.maps, case.inputs, fill)

    scores = masked_scores(model, case.inputs, case.targets, dims(chosen)[0], copy)[:, 0]
    return Effects(_sums(tf.cast(relevance(case.maps, case.inputs), tf.float64), units, chosen), -scores)


def _sums(values: Tensor, units: Units, chosen: Tensor) -> Tensor:
    """Add up the relevance [B, positions] of each subset, in turn, as any batch would: [B, n]."""
    signature = tf.TensorSpec([values.shape[0]], tf.float64)
    sums = tf.map_fn(
        lambda subset: tf.reduce_sum(tf.where(units.spread(subset), values, 0), axis=1),
        chosen,
        fn_output_signature=signature,
    )
    return tf.transpose(sums)
