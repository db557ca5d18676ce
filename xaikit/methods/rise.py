"""RISE: the mean score of the masks that let a position through."""

from math import prod
from typing import Annotated

from pydantic import Field

from ..core import Count, Explanation, Model, Seed, Step, Tensor, Tolerance, dims, forward, method, tf
from ..core.baselines import Baseline, baselines
from ..core.cells import blended, enlarged_mask, lay_cells, replaced
from ..core.copies import Number, columns_of, room_for
from ..core.masking import scores_at_once
from ..core.sampling import sampled, wants_errors
from ..core.weighted import Sums, no_sums


@method
def rise(
    model: Model,
    *,
    samples: Count = 4000,
    cells: Count = 8,
    keep: Annotated[float, Field(gt=0, lt=1)] = 0.5,
    baseline: Baseline = 0.0,
    seed: Seed = 0,
    tolerance: Tolerance = 0.0,
) -> Step:
    """Hide random parts of the input, and give each position the mean score of the masks that let it through.

    A mask is a coarse grid of cells that are kept or hidden by chance, enlarged bilinearly and cut out at a random
    place of its own. The mean is weighted by how far a mask lets the position through, and divided by the sum of these
    weights, where the paper divides by the number of masks and the weight to be expected: a score that is the same
    under all masks gives a map that is the same everywhere, at any number of masks. A position that no mask let through
    has the mean score of all.

    Every example gets the same masks, so that a map depends on no batch, replica or place. Of several inputs one is
    masked at a time. Whole numbers cannot be blended: they are kept where a mask is at least one half.

    Maps: [B, *input positions, T], in the units of the scores; on tables [B, F, T]. Values lie around the mean score of
        the masked inputs: what counts is how they differ.
    Cost: one forward pass, and `samples` for each input of the model; targets are free.
    Claims: linear, class-discriminative, stochastic.

    Args:
        samples: How many masks.
        cells: Into how many cells each axis of a picture or volume is divided, at most its side. On tables and series
            each feature or step is a cell, and masks are not enlarged.
        keep: How likely a cell is kept.
        baseline: What hidden values become: a number in the input's units; "mean" (each example's own, per channel),
            "blur" (its own, a Gaussian of a tenth of each side), "uniform" (drawn once over its own range per channel);
            or an array like one example.
        seed: Which draws.
        tolerance: Instead of a number of samples: sample until the standard error of each map, the largest one of its
            values, is below this, in the units of the scores; 0 takes `samples`. It is that of a ratio of means, by the
            delta method.

    Raises:
        ParameterError: The baseline does not fit the model's input.
        ModelError: The input's size is not known.

    Source:
        Petsiuk et al., "RISE: Randomized Input Sampling for Explanation of Black-box Models", 2018. arXiv:1806.07421,
        section 3: importance as a conditional expectation, its Monte-Carlo approximation, and the generation of masks.
        A cell's side is rounded up here, and down in the paper, where an enlarged mask may be smaller than a picture.
    """
    begin = baselines(model, baseline)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)  # [B, T]
        leaves, fills = tf.nest.flatten(inputs), tf.nest.flatten(begin(inputs)((seed,)))
        grids = [lay_cells(leaf, cells, "rise") for leaf in leaves]
        rows, columns = dims(leaves[0])[0], columns_of(scores, targets)
        clean = tf.cast(scores, tf.float64)  # differences to it are added up: no digits are lost

        def masked(number: int, start: Number, size: Number, sums: Sums) -> Sums:
            """Mask one input by some masks, and add up."""
            masks = tf.map_fn(
                lambda i: enlarged_mask(grids[number], keep, (seed, i, number)),
                start + tf.range(size),
                fn_output_signature=tf.TensorSpec(grids[number].sides, tf.float64),
            )
            masks = masks if leaves[number].dtype.is_floating else tf.round(masks)

            def copy(i: Number) -> Tensor:
                return replaced(inputs, number, blended(leaves[number], masks[i - start], fills[number]))

            found = scores_at_once(model, inputs, targets, copy, start, size)
            return sums.plus(tf.reshape(masks, [size, -1]), tf.cast(found, tf.float64) - clean)

        def add(start: Number, size: Number, state: list[Sums]) -> list[Sums]:
            return [masked(number, start, size, sums) for number, sums in enumerate(state)]

        def estimate(state: list[Sums], taken: Tensor) -> tuple[Tensor, Tensor]:
            means = [clean[..., tf.newaxis] + sums.means(taken) for sums in state]
            maps = [grid.to_maps(mean, scores.dtype) for grid, mean in zip(grids, means, strict=True)]
            errors = tf.reduce_max([sums.errors(taken) for sums in state], axis=0) if squares else None
            return tf.nest.pack_sequence_as(inputs, maps), errors

        squares = wants_errors(tolerance)
        empty = [grid.empty(rows, columns, scores.dtype) for grid in grids]
        maps = sampled(
            samples,
            tolerance,
            add,
            estimate,
            [no_sums(rows, columns, prod(grid.sides), squares=squares) for grid in grids],
            like=Explanation(scores, tf.nest.pack_sequence_as(inputs, empty)),
            room=room_for(inputs),
            method="rise",
        )
        return Explanation(scores, maps)

    return step
