"""SmoothGrad and its kin: the average over noisy copies."""

from typing import Any, Literal

from ..core import (
    Count,
    Explanation,
    NonNegative,
    Seed,
    Step,
    Tensor,
    Tolerance,
    clean,
    mean_of_copies,
    normal,
    over_copies,
    tf,
    transformer,
    warn_where,
)
from ..errors import ParameterError

Reduce = Literal["mean", "square", "variance"]


def _check(model: Any, *, reduce: Reduce, tolerance: float, **_: Any) -> None:
    if tolerance and reduce == "variance":
        raise ParameterError("smooth: tolerance is for means, reduce='mean' or 'square': give 'variance' repetitions.")


@transformer(requires=_check)
def smooth(
    step: Step,
    *,
    repetitions: Count = 20,
    noise: NonNegative = 0.1,
    relative: bool = False,
    reduce: Reduce = "mean",
    seed: Seed = 0,
    tolerance: Tolerance = 0.0,
) -> Step:
    """Average the maps of noisy copies of each input; the scores stay those of the clean one.

    Every example gets the same draws, so that a map depends on no batch, replica or place.

    Maps: as they were.
    Cost: `repetitions` times its explainer's, and one forward pass.
    Claims: stochastic.

    Args:
        repetitions: How many noisy copies; the clean input is none of them.
        noise: Standard deviation of the noise, in the input's own units.
        relative: Take `noise` as a share of each example's range, as the paper does.
        reduce: "square" is SmoothGrad-squared, "variance" is VarGrad.
        seed: Which draws.
        tolerance: Instead of a number of repetitions: take copies until the standard error of each map, the largest one
            of its values, is below this, in the units of the map; 0 takes `repetitions`. Not for the variance.

    Raises:
        ParameterError: A tolerance for the variance.

    Source:
        Smilkov et al., "SmoothGrad", 2017. arXiv:1706.03825, section 3.
        Adebayo et al., "Local Explanation Methods for Deep Neural Networks Lack Sensitivity to Parameter Values", 2018.
        arXiv:1810.03307, section 2.
    """

    def smoothed(inputs: Tensor, targets: Tensor) -> Explanation:
        first = clean(step, inputs, targets)
        deviations = tf.nest.map_structure(lambda leaf: _deviation(leaf, noise, relative), inputs)
        leaves = list(range(len(tf.nest.flatten(inputs))))

        def noisy(i: Tensor) -> Tensor:
            def add(leaf: Tensor, deviation: Tensor, number: int) -> Tensor:
                if not leaf.dtype.is_floating:
                    return leaf
                return leaf + deviation * normal(tf.shape(leaf)[1:], (seed, i, number), leaf.dtype)

            return tf.nest.map_structure(add, inputs, deviations, tf.nest.pack_sequence_as(inputs, leaves))

        if reduce == "variance":
            maps = over_copies(step, inputs, targets, repetitions, noisy, like=first, reduce=reduce)
            return Explanation(first.scores, maps)

        def squared(_: Tensor, maps: Tensor) -> Tensor:
            return tf.nest.map_structure(tf.square, maps)

        undo = squared if reduce == "square" else None
        maps = mean_of_copies(
            step,
            inputs,
            targets,
            repetitions,
            noisy,
            like=first,
            undo=undo,
            tolerance=tolerance,
            method="smooth",
        )
        return Explanation(first.scores, maps)

    return smoothed


def _deviation(inputs: Tensor, noise: float, relative: bool) -> Tensor:
    """The standard deviation of the noise, in the units of the inputs: a number, or one per example."""
    span = _span(inputs)
    if relative:
        return tf.constant(noise, inputs.dtype) * span
    if noise and inputs.dtype.is_floating:
        warn_where(
            noise < tf.reduce_max(span) / 1000,
            f"smooth: noise={noise} is less than a thousandth of the inputs' range, so nothing is smoothed: give it in "
            "the inputs' own units, or relative=True.",
        )
    return tf.constant(noise, inputs.dtype if inputs.dtype.is_floating else tf.float32)


def _span(inputs: Tensor) -> Tensor:
    """max - min of each example, [B, 1, ...]."""
    axes = list(range(1, inputs.shape.rank))
    return tf.reduce_max(inputs, axes, keepdims=True) - tf.reduce_min(inputs, axes, keepdims=True)
