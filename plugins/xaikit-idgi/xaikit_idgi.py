"""IDGI: integrated gradients along the direction in which the score changes. A plugin for xaikit, in one file."""

from xaikit import hookimpl
from xaikit.core import (
    Baseline,
    Count,
    Explanation,
    Model,
    Step,
    Tensor,
    baselines,
    clean,
    forward,
    gradient,
    method,
    over_copies,
    per_target,
    report_gap,
    tf,
)


@method
def idgi(model: Model, *, steps: Count = 50, baseline: Baseline = 0.0) -> Step:
    """Share out each step's change of the score by the squares of the gradient, from a baseline to the input.

    Of a step along the way only the part in the gradient's direction moves the score; integrated gradients also keep
    what the step does across it, which is noise. The change of the score from point to point is measured, so that a
    map adds up to f(input) - f(baseline) at any number of steps. But where the gradient is exactly 0, as where every
    ReLU rests at a baseline of zeros, a step has no direction: its change is given to no value, and what is missing
    is the "completeness_gap" of `explain(..., details=True)`. Every value of a step's share has the sign of the
    step's change, and a value that does not differ from the baseline may have one.

    Maps: [B, *input, T], signed.
    Cost: one forward pass, and at each of `steps` points two forward passes and a backward pass per target.
    Claims: complete, class-discriminative, input-shaped.

    Args:
        steps: How many steps the straight way has, all of the same length.
        baseline: A number in the input's units; "mean" (each example's own, per channel), "blur" (its own, a Gaussian
            of a tenth of each side), "uniform" (drawn over its own range per channel); or an array like one example.

    Raises:
        InputError: The input is made of whole numbers, or the score does not depend on it.
        ParameterError: The baseline does not fit the model's input.

    Source:
        Yang, Wang and Bilgic, "IDGI: A Framework to Eliminate Explanation Noise from Integrated Gradients", 2023.
        arXiv:2303.14242: the algorithm of IDGI, on the straight way of integrated gradients.
    """
    begin = baselines(model, baseline)

    def gains(ends: tuple[Tensor, Tensor], targets: Tensor) -> Explanation:
        here, there = ends
        scores = forward(model, here, targets)

        def shared(gain: Tensor) -> Tensor:  # of one target of each example, [B]
            # `there` is no function of `here`: these are the slopes of the score, with the sign that a square forgets
            slopes = gradient(gain, here)
            return tf.nest.map_structure(lambda share: share * _beside(gain, share), _squared_shares(slopes))

        return Explanation(scores, per_target(shared, forward(model, there, targets) - scores, like=here))

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        first = clean(gains, (inputs, inputs), targets)
        start = begin(inputs)((0,))
        way = tf.nest.map_structure(tf.subtract, inputs, start)

        def point(i: Tensor) -> Tensor:
            share = tf.cast(i, tf.float64) / steps
            return tf.nest.map_structure(lambda leaf, far: leaf + tf.cast(share, far.dtype) * far, start, way)

        means = over_copies(gains, inputs, targets, steps, lambda i: (point(i), point(i + 1)), like=first)
        maps = tf.nest.map_structure(lambda mean: steps * mean, means)
        report_gap(maps, lambda: first.scores - forward(model, start, targets))
        return Explanation(first.scores, maps)

    return step


def _squared_shares(slopes: Tensor) -> Tensor:
    """Give each value's part of the squared length of an example's gradient, over all inputs; 0 where that is 0."""
    leaves = tf.nest.flatten(slopes)
    largest = tf.reduce_max([tf.reduce_max(tf.abs(leaf), axis=_inner(leaf)) for leaf in leaves], axis=0)  # [B]
    squares = [tf.square(tf.math.divide_no_nan(leaf, _beside(largest, leaf))) for leaf in leaves]  # no underflow
    lengths = tf.add_n([tf.reduce_sum(square, axis=_inner(square)) for square in squares])
    shares = [tf.math.divide_no_nan(square, _beside(lengths, square)) for square in squares]
    return tf.nest.pack_sequence_as(slopes, shares)


def _beside(values: Tensor, like: Tensor) -> Tensor:
    """[B] to [B, 1, ...], to lie beside `like`, in its type."""
    return tf.cast(values[:, *[tf.newaxis] * (like.shape.rank - 1)], like.dtype)


def _inner(values: Tensor) -> list[int]:
    return list(range(1, values.shape.rank))


@hookimpl
def xaikit_explainers() -> list[object]:
    """Give what this plugin offers."""
    return [idgi]
