"""Sobol: each cell's share in the variance of the score under random masks, alone and together with others."""

from ..core import Count, Explanation, Model, Seed, Step, Tensor, Tolerance, forward, method, tf, uniform
from ..core.baselines import Baseline, baselines
from ..core.cells import Cells, blended, lay_cells, replaced
from ..core.copies import Number
from ..core.indices import Part, draws_of, index_maps, resolution
from ..core.sampling import BLOCK, standard_errors

_PASSES = 3125  # blocks of designs, each of one forward pass: what a tolerance may cost at most, like other methods


@method
def sobol(
    model: Model,
    *,
    designs: Count = 32,
    cells: Count = 8,
    baseline: Baseline = 0.0,
    seed: Seed = 0,
    tolerance: Tolerance = 0.0,
) -> Step:
    """Give each cell its total-order Sobol index: the share of the variance that is lost when this cell alone is fixed.

    Cells are blended with the baseline by independent shares, each between 0 and 1. The indices of a score that adds up
    over cells add up to 1; what cells do together counts for each of them, so that others add up to more. All positions
    of a cell have one value. A score that is the same under all masks has a map of zeros.

    Masks are plain draws, where the paper takes a quasi-random sequence: on 64 cells the errors of 32 designs were 2 to
    14 % larger by that, and each design is independent of the others, which is what standard errors rest on. Every
    example gets the same masks, so that a map depends on no batch, replica or place. Of several inputs one is masked at
    a time. Whole numbers cannot be blended: they are kept where a share is at least one half.

    Maps: [B, *input positions, T], at least 0, without a unit; on tables [B, F, T].
    Cost: one forward pass, and `designs` times (cells + 2) for each input of the model, 2112 by default on pictures;
        targets are free.
    Claims: class-discriminative, stochastic.

    Args:
        designs: How many pairs of masks; for each cell the first one of a pair takes over the second one's share.
        cells: Into how many cells each axis of a picture or volume is divided, at most its side. On tables and series
            each feature or step is a cell.
        baseline: What hidden values become: a number in the input's units; "mean" (each example's own, per channel),
            "blur" (its own, a Gaussian of a tenth of each side), "uniform" (drawn once over its own range per channel);
            or an array like one example.
        seed: Which draws.
        tolerance: Instead of a number of designs: sample until the standard error of each map, the largest one of its
            values, is below this; 0 takes `designs`. It is that of a ratio of means over designs, by the delta method.

    Raises:
        ParameterError: The baseline does not fit the model's input.
        ModelError: The input's size is not known.

    Source:
        Fel et al., "Look at the Variance! Efficient Black-box Explanations with Sobol-based Sensitivity Analysis",
        2021. arXiv:2111.04138: the definition of total-order indices, and their estimator by Jansen. The variance is
        that of both masks of each pair, where the paper takes the first ones.
    """
    begin = baselines(model, baseline)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        leaves, fills = tf.nest.flatten(inputs), tf.nest.flatten(begin(inputs)((seed,)))
        grids = [lay_cells(leaf, cells, "sobol") for leaf in leaves]
        most = BLOCK * max(1, _PASSES // sum(grid.count + 2 for grid in grids))

        def part(number: int, grid: Cells) -> Part:
            pairs = draws_of(
                most if tolerance else designs, lambda i: uniform([2, grid.count], (seed, i, number))
            )  # [designs, 2, cells]

            def copy(i: Number) -> Tensor:
                kept = grid.spread(_mask(pairs, i))
                return replaced(inputs, number, blended(leaves[number], kept, fills[number]))

            return Part(grid, grid.count + 2, copy, jansen)

        scores = forward(model, inputs, targets)
        maps = index_maps(
            model,
            inputs,
            targets,
            scores,
            [part(number, grid) for number, grid in enumerate(grids)],
            designs,
            tolerance=tolerance,
            method="sobol",
            size=BLOCK,
            most=most,
        )
        return Explanation(scores, maps)

    return step


def _mask(pairs: Tensor, number: Number) -> Tensor:
    """Give one of the masks, [cells]: of each design the pair, a and b, then a with each cell of b in turn."""
    rows = pairs.shape[2] + 2
    a, b = tf.unstack(pairs[number // rows])
    place = number % rows
    return tf.where(tf.logical_or(place == 1, tf.range(rows - 2) == place - 2), b, a)


def jansen(scores: Tensor, taken: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate total-order indices from scores [designs, cells + 2], of which the first designs are taken.

    Returns:
        Indices and their standard errors, float64 [cells].
    """
    f, n = tf.cast(scores, tf.float64), tf.cast(taken, tf.float64)
    valid = tf.cast(tf.range(f.shape[0]) < taken, tf.float64)[:, tf.newaxis]
    a, both, c = f[:, :1], f[:, :2], f[:, 2:]
    center = tf.reduce_sum(valid * both) / (2 * n)
    # of each design, so that their mean is the variance of 2 n scores
    spreads = valid * tf.reduce_sum((both - center) ** 2, axis=1, keepdims=True) * n / (2 * n - 1)
    variance = tf.reduce_sum(spreads) / n
    gaps = valid * (a - c) ** 2 / 2
    varies = variance > resolution(scores) ** 2
    divisor = tf.where(varies, variance, 1)
    totals = tf.reduce_sum(gaps, axis=0) / n / divisor
    squares = tf.reduce_sum((gaps - totals * spreads) ** 2, axis=0)
    return tf.where(varies, totals, 0), standard_errors(tf.where(varies, squares, 0), taken) / divisor
