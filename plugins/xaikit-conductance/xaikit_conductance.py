"""Conductance: how much of the score flows through each part of a layer. A plugin for xaikit, in one file."""

from xaikit import hookimpl
from xaikit.core import (
    Baseline,
    Count,
    Explanation,
    Model,
    Sides,
    Step,
    Tap,
    Tensor,
    baselines,
    clean,
    forward,
    gradient,
    layer,
    method,
    over_copies,
    per_target,
    report_gap,
    spatial_layer,
    tf,
)
from xaikit.errors import InputError

find_layer = layer  # a parameter has its name


def _takes_floats(model: Model, **_: object) -> None:
    """Refuse inputs that no way leads to."""
    for leaf in tf.nest.flatten(model.spec):
        if not leaf.dtype.is_floating:
            raise InputError(
                f"conductance follows a way to the input, and there is none between whole numbers, {leaf.dtype.name}: "
                "use a perturbation method, such as occlusion."
            )


@method(requires=_takes_floats)
def conductance(
    model: Model, *, layer: str = "", steps: Count = 50, baseline: Baseline = 0.0, grid: Sides = ()
) -> Step:
    """Follow the change of the score from a baseline to the input, and see through what of a layer it flows.

    On the straight way to the input a layer's values change, and the score with them: each value's conductance is what
    its own change adds, the integral of the score's gradient by it along the way that it goes. Whatever the layer, if
    all that the score depends on flows through it, the map adds up to f(input) - f(baseline), but for the error of the
    sum, which `explain(..., details=True)` reports as the "completeness_gap". Of what goes into the first layer it is
    integrated gradients.

    Maps: [B, *positions, T], signed, added up over the layer's features; [B, K, T] of a layer of K units without
        positions. Of tokens the class tokens' part is left out.
    Cost: one forward pass, and at each of `steps` points a forward pass, two down to the layer, and a backward pass
        down to the layer per target.
    Claims: complete, linear, class-discriminative, needs-layer.

    Args:
        layer: Name or path (`backbone/conv5`) of the layer to read, `conv#1` for the first of several uses,
            `conv:input` for what goes in; by default the last one with positions.
        steps: How many parts the way has. The gradient is taken in the middle of each, so that the error falls with
            their square.
        baseline: A number in the input's units; "mean" (each example's own, per channel), "blur" (its own, a Gaussian
            of a tenth of each side), "uniform" (drawn over its own range per channel); or an array like one example.
        grid: Sides of the grid of positions on which tokens stand, such as (14, 14), where the layer gives tokens; by
            default it is found by the input's aspect ratio, and class tokens come before it.

    Raises:
        UnknownName: The model has no such layer.
        ModelError: No layer on the way to the scores has positions, or its tokens fit no grid.
        InputError: The input is made of whole numbers, or the score does not depend on the layer.
        ParameterError: The baseline does not fit the model's input.

    Source:
        Dhamdhere, Sundararajan and Yan, "How Important Is a Neuron?", 2018. arXiv:1805.12233: the definition of
        conductance. As a sum over a layer's own changes: Shrikumar, Su and Kundaje, "Computationally Efficient Measures
        of Internal Neuron Importance", 2018. arXiv:1807.09946.
    """
    chosen = _tap(model, layer, grid)
    begin = baselines(model, baseline)

    def flow(points: tuple[Tensor, Tensor, Tensor], targets: Tensor) -> Explanation:
        before, middle, after = points
        scores, features = forward(model, middle, targets, read=chosen)  # [B, T], [B, ..., K]
        ends = [forward(model, end, targets, read=chosen)[1] for end in (before, after)]

        def through(score: Tensor) -> Tensor:
            slopes = gradient(score, features)
            first, last = (tf.cast(end, slopes.dtype) for end in ends)
            parts = slopes * (last - first)
            return parts if parts.shape.rank == 2 else tf.reduce_sum(chosen.laid(parts), axis=-1)

        return Explanation(scores, per_target(through, scores))

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        first = clean(flow, (inputs, inputs, inputs), targets)
        start = begin(inputs)((0,))
        way = tf.nest.map_structure(tf.subtract, inputs, start)

        def point(place: Tensor) -> Tensor:
            share = tf.cast(place, tf.float64) / (2 * steps)
            return tf.nest.map_structure(lambda leaf, far: leaf + tf.cast(share, far.dtype) * far, start, way)

        def points(i: Tensor) -> tuple[Tensor, ...]:
            return point(2 * i), point(2 * i + 1), point(2 * i + 2)

        maps = steps * over_copies(flow, inputs, targets, steps, points, like=first)
        report_gap(maps, lambda: first.scores - forward(model, start, targets))
        return Explanation(first.scores, maps)

    return step


def _tap(model: Model, name: str, grid: Sides) -> Tap:
    """Find the layer: one without positions only by its name."""
    if name:
        tap = find_layer(model, name)
        if tap.tensor(model.preview).shape.rank == 2:
            return tap
    return spatial_layer(model, name, grid)


@hookimpl
def xaikit_explainers() -> list[object]:
    """Give what this plugin offers."""
    return [conductance]
