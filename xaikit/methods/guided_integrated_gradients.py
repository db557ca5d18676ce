"""Guided integrated gradients: a way from the baseline to the input that moves first what the score hardly feels."""

from collections.abc import Callable
from math import prod

from ..core import (
    Count,
    Explanation,
    Model,
    Share,
    Step,
    Tensor,
    dims,
    forward,
    gradient,
    method,
    per_target,
    report_gap,
    tf,
)
from ..core.baselines import Baseline, baselines
from ..core.gradients import column, per_column
from ..core.tracing import current

_LEVELS = 2**14  # slopes of one level are equal: where they are so in theory, rounding must not rank them


@method
def guided_integrated_gradients(
    model: Model,
    *,
    steps: Count = 50,
    baseline: Baseline = 0.0,
    fraction: Share = 0.25,
    max_distance: Share = 0.02,
) -> Step:
    """Integrate the gradient along a way that each example and target finds for itself, away from noisy slopes.

    Every step brings the point closer to the input by the same L1 distance, and spends it on the values of the lowest
    absolute gradient first. A map adds up to f(input) - f(baseline), but for the error of the sum, which
    `explain(..., details=True)` reports as the "completeness_gap".

    Values of equal gradient move together, and gradients are told apart in steps of 1/16384 of the example's largest:
    their last bits decide nothing. Several inputs are one point: their values are ranked together. What a step adds is
    the mean of the gradients at its two ends. The paper takes the first end's, which are the lowest because they were
    chosen so, and leaves out more of the score.

    Maps: [B, *input, T], signed.
    Cost: one forward pass and a backward pass per target, and for each target at each of `steps` points, one after the
        other, a forward and a backward pass.
    Claims: complete, class-discriminative, input-shaped.

    Args:
        steps: How many steps the way has, each of the same L1 distance.
        baseline: A number in the input's units; "mean" (each example's own, per channel), "blur" (its own, a Gaussian
            of a tenth of each side), "uniform" (drawn over its own range per channel); or an array like one example.
        fraction: The share of all values, at least one of them, that move at a time; what the step's distance is not
            enough for stays behind. 1 is the straight way.
        max_distance: How far each value may be from the straight way, as a share of the way that it goes: 0 is the
            straight way, and 1 no bound.

    Raises:
        InputError: The input is made of whole numbers, or the score does not depend on it.
        ParameterError: The baseline does not fit the model's input.

    Source:
        Kapishnikov et al., "Guided Integrated Gradients: an Adaptive Path Method for Removing Noise", 2021.
        arXiv:2106.09788: the algorithm of Guided IG. Its bound is an interval around the straight way here.
    """
    begin = baselines(model, baseline)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)
        if current().only_shapes:
            return Explanation(scores, per_target(lambda score: gradient(score, inputs), scores, like=inputs))
        start = begin(inputs)((0,))
        way = tf.nest.map_structure(tf.subtract, inputs, start)
        lengths = tf.abs(_joined(way))
        lengths = tf.math.divide_no_nan(lengths, tf.reduce_sum(lengths, axis=1, keepdims=True))

        def explained(i: Tensor | int) -> Tensor:  # one target of each example
            def slopes_at(shares: Tensor) -> Tensor:
                point = tf.nest.map_structure(lambda a, b, share: a + share * b, start, way, _parted(shares, way))
                return _joined(gradient(column(forward(model, point, targets), i), point))

            slopes = gradient(column(scores, i), inputs)  # where every way ends
            means = walked(slopes_at, _joined(slopes), lengths, steps, fraction, max_distance)
            return tf.nest.map_structure(lambda far, mean: tf.cast(far, mean.dtype) * mean, way, _parted(means, slopes))

        maps = per_column(explained, scores, like=inputs)
        report_gap(maps, lambda: scores - forward(model, start, targets))
        return Explanation(scores, maps)

    return step


def walked(
    slopes_at: Callable[[Tensor], Tensor],
    last: Tensor,
    lengths: Tensor,
    steps: int,
    fraction: float,
    max_distance: float,
) -> Tensor:
    """Walk from the baseline to the input, and give the mean slope that each value met on its way, [B, N].

    Args:
        slopes_at: From how much of its way each value has gone, [B, N] in [0, 1], to the gradient there, [B, N].
        last: The gradient at the input, [B, N].
        lengths: As for `advanced`, like the other arguments.
        steps: How many.
    """

    def go(k: Tensor, shares: Tensor, moved: Tensor, total: Tensor) -> tuple[Tensor, ...]:
        slopes = slopes_at(shares)
        alpha = tf.cast(k + 1, tf.float64) / steps
        onward = advanced(shares, slopes, lengths, alpha, fraction, max_distance)
        onward = tf.where(k + 1 < steps, onward, tf.ones_like(onward))  # the input itself, whatever was rounded
        return k + 1, onward, onward - shares, total + slopes * (moved + onward - shares) / 2

    none = tf.zeros_like(lengths)
    begun = (tf.constant(0), none, none, none)
    *_, moved, total = tf.while_loop(lambda k, *_: k < steps, go, begun, parallel_iterations=1)
    return total + last * moved / 2


def advanced(
    shares: Tensor, slopes: Tensor, lengths: Tensor, alpha: Tensor, fraction: float, max_distance: float
) -> Tensor:
    """Move values on until their shares, weighed by their lengths, are `alpha` together; the lowest slopes first.

    A group of values goes as far as it may before the next one starts, and the last group the part of that which is
    left. Examples that are done wait for the others.

    Args:
        shares: How much of its way each value has gone, [B, N] float64, as are all of these.
        slopes: The gradient where they stand.
        lengths: Of the ways, in absolute value; an example's add up to 1. A value without a way is never chosen.
        alpha: What the straight way would have gone.
        fraction: Of the N values, that move at a time.
        max_distance: From `alpha`, that no share exceeds.
    """
    reach = tf.minimum(alpha + max_distance, 1)
    shares = tf.maximum(shares, alpha - max_distance)  # who fell behind is fetched first
    sizes = tf.where(tf.math.is_finite(slopes), tf.abs(slopes), 0)
    levels = tf.round(_LEVELS * tf.math.divide_no_nan(sizes, tf.reduce_max(sizes, axis=1, keepdims=True)))
    free = (shares < reach) & (lengths > 0)
    levels = tf.where(free, tf.cast(levels, tf.int32), _LEVELS + 1)
    below = _cumulated(levels, _LEVELS + 2)
    count = dims(levels)[1]
    group = tf.cast(fraction * tf.cast(count - 1, tf.float64), tf.int32) + 1

    def move(done: Tensor, edge: Tensor, left: Tensor, shares: Tensor) -> tuple[Tensor, ...]:
        upper = tf.searchsorted(below, tf.minimum(done + group, count))  # [B, 1]
        chosen = free & (levels > edge) & (levels <= upper)  # equal ones move together
        ahead = tf.where(chosen, reach - shares, 0)
        room = tf.reduce_sum(lengths * ahead, axis=1, keepdims=True)
        part = tf.clip_by_value(tf.math.divide_no_nan(left, room), 0, 1)
        moved = tf.where(chosen & (left >= room), reach, shares + part * ahead)
        done = tf.gather(below, upper[:, 0], axis=1, batch_dims=1)[:, tf.newaxis]
        return done, upper, left - room * part, moved

    def unfinished(done: Tensor, _: Tensor, left: Tensor, __: Tensor) -> Tensor:
        return tf.reduce_any((left > 0) & (done < count))

    left = alpha - tf.reduce_sum(lengths * shares, axis=1, keepdims=True)
    none = tf.zeros_like(left, tf.int32)
    *_, shares = tf.while_loop(unfinished, move, (none, none - 1, left, shares), parallel_iterations=1)
    return shares


def _cumulated(levels: Tensor, count: int) -> Tensor:
    """Count the values of each example at each level or below it, [B, N] to [B, count]: what a sort would be for."""
    rows, _ = dims(levels)
    places = tf.reshape(levels + count * tf.range(rows)[:, tf.newaxis], [-1])
    each = tf.math.unsorted_segment_sum(tf.ones_like(places), places, rows * count)
    return tf.cumsum(tf.reshape(each, [rows, count]), axis=1)


def _joined(values: Tensor) -> Tensor:
    """Lay all the values of an example in a row, [B, N] float64: sums over them are as exact as the order of slopes."""
    leaves = tf.nest.flatten(values)
    flat = [tf.reshape(leaf, [dims(leaf)[0], prod(dims(leaf)[1:])]) for leaf in leaves]
    return tf.concat([tf.cast(leaf, tf.float64) for leaf in flat], axis=1)


def _parted(row: Tensor, like: Tensor) -> Tensor:
    """Give a row, [B, N], the structure, shapes and types of `like`."""
    leaves = tf.nest.flatten(like)
    parts = tf.split(row, [prod(dims(leaf)[1:]) for leaf in leaves], axis=1)
    shaped = [tf.cast(tf.reshape(part, dims(leaf)), leaf.dtype) for part, leaf in zip(parts, leaves, strict=True)]
    return tf.nest.pack_sequence_as(like, shaped)
