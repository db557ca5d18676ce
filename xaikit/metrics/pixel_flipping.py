"""Pixel flipping: the score while positions are replaced, in one order of relevance or another."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from ..core import ArrayLike, Model, Seed, Tensor, normal, note, resized, sides, tf
from ..core.arrays import Array
from ..core.baselines import Baseline, baselines
from ..core.layouts import example_shape, examples_inward
from ..core.lazy import np
from ..core.view import shape_text
from ..errors import ParameterError
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.outputs import On, seen
from ..measuring.ranking import position_count
from ..measuring.removal import Order, counts_of, places, removal_curve

Part = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


@metric(better="higher", curve=True)
def pixel_flipping(
    model: Model,
    *,
    percent: Part = 0.25,
    step: Part = 0.005,
    order: Order = "most_relevant",
    replace: Literal["dataset"] | Baseline = "dataset",
    seed: Seed = 0,
    reference: ArrayLike | None = None,
    on: On = "logit",
) -> Measure:
    """Area over the curve of the score while the first share of the positions is replaced.

    The value is the AOPC: the mean, over all points x_0 = x, x_1, ... of the curve, of f(x) - f(x_k). It is in the
    units of the score and has no bounds; higher is better, and with the order "least_relevant" lower is. The curve has
    the score itself at the shares that were replaced; the last step ends at `percent`, also where it is a part of one.
    What a position was replaced by stays, and is the same for every example.

    All channels of a position are replaced together; several inputs are ranked together, and one that the map does not
    lie on stays. Positions of equal relevance go in a random order: with "most_relevant", a constant map scores as
    any map does with "random". The curve of "least_relevant" is that of "most_relevant" of the negative map.

    Cost: `percent` / `step` forward passes beside that of the clean input; fewer where a step is no whole position.

    Args:
        percent: The share of the positions that is replaced in the end: 0.25 is a quarter; one position at least.
        step: The share that is replaced at a time.
        order: "most_relevant" or "least_relevant" positions first, or "random", whatever the map.
        replace: "dataset" draws each value from a normal distribution with the mean and the standard deviation that the
            data has there; or a baseline: a number in the input's units, "mean" (each example's own, per channel),
            "blur", "uniform", or an array like one example.
        seed: Which draws, and which random order.
        reference: Data that "dataset" draws from, [M, ...]; by default all the inputs, where they are one array. Give
            it where figures of several calls are to be compared.
        on: Whether the "logit" is followed, or the "probability".

    Raises:
        ModelError: `on` is "probability", and no softmax or sigmoid makes the outputs.
        ParameterError: There is no data to draw from, or what replaces does not fit the model's inputs.

    Source:
        Bach et al., "On Pixel-Wise Explanations", 2015, the section on flipping pixels. Samek et al., "Evaluating the
        Visualization of What a Deep Neural Network Has Learned", 2017. arXiv:1509.06321, the definition of the AOPC.
    """
    view = seen(model, on)
    fill = _filling(model, replace, reference, seed)
    steps = int(np.ceil(percent / step - 1e-9))  # the last may be a part of one

    def measure(case: Case) -> Measurement:
        count = position_count(case.maps, case.inputs)
        shares = [*(i * step for i in range(steps)), max(percent, 1 / count)]
        counts = counts_of(shares, count)
        curve = removal_curve(view, case, places(case, order, seed), counts, fill(case.inputs))
        return Measurement(tf.reduce_mean(curve[:, :1] - curve, axis=1), curve, counts / count)

    return measure


def _filling(model: Model, replace: Any, reference: Any, seed: int) -> Callable[[Tensor], Tensor]:
    """Give what makes the replacements of inputs."""
    if replace != "dataset":
        prepared = baselines(model, replace)
        return lambda inputs: prepared(inputs)((seed,))
    examples = _examples(model, reference)
    note("baseline", "dataset")
    mean, deviation = examples.mean(axis=0), examples.std(axis=0)

    def drawn(inputs: Tensor) -> Tensor:
        dtype = inputs.dtype if inputs.dtype.is_floating else tf.float64
        values = [tf.constant(part, dtype)[tf.newaxis] for part in (mean, deviation)]
        if inputs.shape.rank > 2:  # in a view of another size the data's statistics are resized like the input
            values = [resized(part, sides(inputs)) for part in values]
        values = values[0] + values[1] * normal(inputs.shape[1:], (seed, 1), dtype)
        return values if inputs.dtype.is_floating else tf.saturate_cast(tf.round(values), inputs.dtype)

    return lambda inputs: tf.nest.map_structure(drawn, inputs)


def _examples(model: Model, reference: Array | None) -> Any:
    """Give the data for the one input of the model, [M, ...], its channels last.

    Raises:
        ParameterError: There is none, or it does not fit.
    """
    spec, *others = tf.nest.flatten(model.spec)
    if others:
        raise ParameterError("replace='dataset' is for models with one input: give a baseline, such as replace=0.0.")
    if spec.dtype.is_integer and spec.shape.rank == 2:
        raise ParameterError("replace='dataset' draws numbers, which tokens are not: give a token, such as replace=0.")
    if reference is None:
        raise ParameterError("replace='dataset' draws from data: give it some, reference=array [M, ...].")
    wanted, shape = tf.TensorShape(example_shape(spec, model.channels)), reference.values.shape
    if not shape or not shape[0] or not wanted.is_compatible_with(shape[1:]):
        raise ParameterError(f"reference must be examples, {shape_text((None, *wanted))}, not {shape_text(shape)}.")
    return examples_inward(reference.values, spec, model.channels).astype("float64")
