"""Baselines: what an input is compared with, from a number, its own values, seeded draws or an array.

Values are taken per channel over an example's positions. A table, [B, F], has neither: all its features count as one
channel. Whole numbers stay whole: what is made for them is rounded.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from ..errors import ModelError, ParameterError
from .arrays import Array, ArrayLike
from .blurring import blurred
from .draws import Key, uniform
from .explanation import Tensor
from .geometry import resized, sides
from .layouts import example_shape, examples_inward
from .lazy import np, tf
from .tracing import note
from .view import Model, shape_text

Baseline: TypeAlias = Annotated[float, Field(allow_inf_nan=False)] | Literal["mean", "blur", "uniform"] | ArrayLike

Draw: TypeAlias = Callable[[Key], Tensor]

_SIGMA = 0.1  # of "blur", as a share of each side


def baselines(model: Model, baseline: Baseline, *, background: bool = False) -> Callable[[Tensor], Draw]:
    """Check a baseline against the model, and give what makes it.

    Args:
        model: The view that `bind` received.
        baseline: A number in the input's units, for every input of the model; "mean", each example's own, per channel;
            "blur", each example with a Gaussian of a tenth of each side as its standard deviation; "uniform", drawn
            over each example's own range, per channel; or an array like one example.
        background: Whether an array may hold several examples, [M, ...], of which one is drawn.

    Returns:
        A function of the inputs, that prepares what no draw changes, and gives a function of a key, (seed, *numbers):
        baselines of the inputs' structure, shapes and types. Draws are the same for every example.

    Raises:
        ParameterError: The array has another shape, or the model several inputs; the input takes whole numbers only.
        ModelError: The inputs have no positions along which they could be blurred.
    """
    specs = tf.nest.flatten(model.spec)
    if isinstance(baseline, Array):
        _check_array(baseline, model, background)
        note("baseline", str(baseline))
        baseline = Array(examples_inward(baseline.values, specs[0], model.channels))
    else:
        note("baseline", str(baseline))
    for spec in specs:
        _check(baseline, spec)

    def prepared(inputs: Tensor) -> Draw:
        draws = [_draw(baseline, leaf) for leaf in tf.nest.flatten(inputs)]

        def drawn(key: Key) -> Tensor:
            return tf.nest.pack_sequence_as(inputs, [draw((*key, n)) for n, draw in enumerate(draws)])

        return drawn

    return prepared


def _draw(baseline: Baseline, inputs: Tensor) -> Draw:
    """Prepare the baseline of one input of the model."""
    values = inputs if inputs.dtype.is_floating else tf.cast(inputs, tf.float64)
    if isinstance(baseline, Array):
        return _from_array(baseline, inputs, values)
    if baseline == "uniform":
        low, high = (reduce(values, _positions(values), keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max))

        def between(key: Key) -> Tensor:
            share = uniform(tf.shape(values)[1:], key, values.dtype)
            return _like(inputs, low * (1 - share) + high * share)

        return between
    if baseline == "mean":
        fixed = tf.reduce_mean(values, _positions(values), keepdims=True)
    elif baseline == "blur":
        fixed = _blurred(values)
    else:
        fixed = tf.constant(baseline, values.dtype)  # tf.cast would round a number to float32 first
    return lambda _: _like(inputs, fixed)


def _from_array(array: Array, inputs: Tensor, values: Tensor) -> Draw:
    examples = tf.constant(array.values, values.dtype)
    if array.values.ndim < values.shape.rank:
        examples = examples[tf.newaxis]
    if values.shape.rank > 2:  # in a view of another size the baseline is resized like the input
        examples = resized(examples, sides(values))
    count = len(array.values) if array.values.ndim == values.shape.rank else 1

    def picked(key: Key) -> Tensor:
        place = tf.cast(uniform([], key, tf.float64) * count, tf.int32) if count > 1 else 0
        return _like(inputs, examples[place])

    return picked


def _like(inputs: Tensor, values: Tensor) -> Tensor:
    """Give `values` the shape and type of the inputs."""
    values = values if inputs.dtype.is_floating else tf.round(values)
    return tf.zeros_like(inputs) + tf.cast(values, inputs.dtype)


def _positions(values: Tensor) -> list[int]:
    return list(range(1, max(2, values.shape.rank - 1)))


def _blurred(values: Tensor) -> Tensor:
    return blurred(values, [_SIGMA * tf.cast(side, values.dtype) for side in sides(values)])


def _check_array(array: Array, model: Model, background: bool) -> None:
    """Refuse an array that is no example of the model's one input."""
    specs = tf.nest.flatten(model.spec)
    if len(specs) > 1:
        raise ParameterError(
            "baseline must be a number, 'mean', 'blur' or 'uniform' where a model has several inputs, as "
            f"{model.name} has: an array stands for one."
        )
    shape, wanted = array.values.shape, tf.TensorShape(example_shape(specs[0], model.channels))
    examples = background and len(shape) == wanted.rank + 1 and shape[0] > 0
    if not wanted.is_compatible_with(shape[1:] if examples else shape):
        also = f", or of several, {shape_text((None, *wanted))}," if background else ","
        raise ParameterError(
            f"baseline must have the shape of one example, {shape_text(wanted)}{also} not {shape_text(shape)}."
        )
    if not np.isfinite(array.values).all():
        raise ParameterError("baseline must be finite, and this array holds NaN or infinity.")


def _check(baseline: Baseline, spec: Any) -> None:
    """Refuse what one input of the model cannot take."""
    if baseline == "blur" and spec.shape.rank < 3:
        raise ModelError("baseline 'blur' needs positions, and a table has none: give a number, 'mean' or an array.")
    if spec.dtype.is_integer and not isinstance(baseline, str):
        values = baseline.values if isinstance(baseline, Array) else np.asarray(baseline)
        low, high = spec.dtype.limits
        if (values != np.round(values)).any() or values.min() < low or values.max() > high:
            raise ParameterError(
                f"baseline must be made of whole numbers from {low} to {high} for inputs of {spec.dtype.name}, not "
                f"{baseline!r}."
            )
