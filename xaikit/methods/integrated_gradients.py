"""Integrated gradients: the gradients along the straight way from a baseline to the input, added up."""

from typing import Literal

from ..core import (
    Count,
    Explanation,
    Model,
    Step,
    Tensor,
    clean,
    forward,
    gradient,
    method,
    over_copies,
    per_target,
    report_gap,
    tf,
)
from ..core.baselines import Baseline, baselines
from ..core.lazy import np

Quadrature = Literal["gauss_legendre", "trapezoid", "midpoint", "left", "right"]


@method
def integrated_gradients(
    model: Model, *, steps: Count = 50, baseline: Baseline = 0.0, quadrature: Quadrature = "gauss_legendre"
) -> Step:
    """Integrate the gradient from a baseline to the input, and multiply by the way that each value went.

    A map adds up to f(input) - f(baseline), but for the quadrature's error, which `explain(..., details=True)` reports
    as the "completeness_gap".

    Maps: [B, *input, T], signed.
    Cost: one forward pass, and at each of `steps` points a forward pass and a backward pass per target.
    Claims: complete, linear, class-discriminative, input-shaped.

    Args:
        steps: How many points, or with "trapezoid" how many intervals between one point more.
        baseline: A number in the input's units; "mean" (each example's own, per channel), "blur" (its own, a Gaussian
            of a tenth of each side), "uniform" (drawn over its own range per channel); or an array like one example.
        quadrature: Which points, and their weights, which always add up to 1. "left" and "trapezoid" take the baseline
            for a point: where every ReLU rests there, they lose 1 / steps and 1 / (2 steps) of the sum.

    Raises:
        InputError: The input is made of whole numbers, or the score does not depend on it.
        ParameterError: The baseline does not fit the model's input.

    Source:
        Sundararajan et al., "Axiomatic Attribution for Deep Networks", 2017. arXiv:1703.01365, eq. 1 and 3.
    """
    begin = baselines(model, baseline)
    shares, weights = _points(steps, quadrature)

    def slopes(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)
        return Explanation(scores, per_target(lambda score: gradient(score, inputs), scores, like=inputs))

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        first = clean(slopes, inputs, targets)
        start = begin(inputs)((0,))
        way = tf.nest.map_structure(tf.subtract, inputs, start)

        def point(i: Tensor) -> Tensor:
            share = tf.constant(shares, tf.float64)[i]
            return tf.nest.map_structure(lambda leaf, far: leaf + tf.cast(share, far.dtype) * far, start, way)

        def times_way(far: Tensor, mean: Tensor) -> Tensor:  # eq. 1
            return tf.cast(far, mean.dtype)[..., tf.newaxis] * mean

        means = over_copies(slopes, inputs, targets, len(shares), point, like=first, reduce=weights)  # eq. 3
        maps = tf.nest.map_structure(times_way, way, means)
        report_gap(maps, lambda: first.scores - forward(model, start, targets))
        return Explanation(first.scores, maps)

    return step


def _points(steps: int, quadrature: Quadrature) -> tuple[list[float], list[float]]:
    """Give the points in [0, 1], and their weights."""
    if quadrature == "gauss_legendre":
        points, weights = np.polynomial.legendre.leggauss(steps)  # on [-1, 1]
        return ((points + 1) / 2).tolist(), (weights / weights.sum()).tolist()
    if quadrature == "trapezoid":
        return [i / steps for i in range(steps + 1)], [0.5 / steps, *[1 / steps] * (steps - 1), 0.5 / steps]
    first = {"left": 0.0, "midpoint": 0.5, "right": 1.0}[quadrature]
    return [(first + i) / steps for i in range(steps)], [1 / steps] * steps
