"""The biases of a model, implicit ones included: what is left of it when every op is replaced by its slope.

Of an op with outputs y and inputs x, the bias is y - J x, with J its Jacobian there: what a bias adds, the offset of a
normalisation less its scaled mean, z -> f(z) - f'(z) z of an activation, and nothing for what is linear or a ReLU. The
score is then, for any network, the sum of inputs times their gradients, and of biases times theirs.
"""

from typing import Any, NamedTuple

from ..errors import ModelError
from . import algebra
from .calls import HIDING, is_convolution
from .explanation import Tensor
from .flow import Flow, flow
from .gradients import gradient_and
from .lazy import tf
from .regions import Region, regions
from .replays import replayed

_ROUNDING = 8  # units of the last place
_DIGITS = {"bfloat16": 7, "float16": 10, "float32": 23, "float64": 52}  # binary ones


class Bias(NamedTuple):
    """What one op, or the several that are one activation or normalisation, adds.

    Attributes:
        name: The op's, which begins with the path of its layer.
        value: A constant, or one for each example, [B, ...]: it broadcasts to `output`.
        output: What it is added to: the gradient of the bias is that of this tensor.
    """

    name: str
    value: Tensor
    output: Tensor


def biases(inputs: Tensor, scores: Tensor, given: Tensor = ()) -> list[Bias]:
    """List the biases on the way from the inputs to scores of the same traced graph, in the order of the ops.

    Args:
        inputs: A tensor, or a structure of them, that a forward pass was traced on.
        scores: Any tensor that it led to.
        given: What counts as constant, such as targets.

    Raises:
        ModelError: An op has no gradient, or is a loop or a call, whose ops cannot be seen; the message names it.
    """
    found = flow(inputs, scores, given)
    parts = {part.output.op.name: part for part in regions(found, algebra.NORMALIZING)}
    inside = {op.name for part in parts.values() for op in part.ops}
    result = []
    for op in found.ops:
        if op.name in parts:
            part = parts[op.name]
            result += [_laid_back(bias, part, found) for bias in _remainders(part.ops, [part.entry], [part.output])]
        elif op.name not in inside:
            result += _own(op, found)
    return result


def _own(op: Any, found: Flow) -> list[Bias]:
    """Give the biases of one op, where it has any."""
    if not is_convolution(op):
        _refuse_hidden([op])
    numbers = [i for i, source in enumerate(op.inputs) if source.dtype.is_floating]
    places = [i for i in found.places(op) if i in numbers]
    outputs = [out for out in op.outputs if out.dtype.is_floating]
    if not outputs or not places:  # what an answer or an index picked has no slope: it is all bias
        return [Bias(op.name, out, out) for out in outputs]
    if op.type in algebra.HOMOGENEOUS | algebra.MOVES or (len(places) == 1 and is_convolution(op)):
        return []
    if op.type in algebra.PRODUCTS:
        return [] if len(places) == 1 else [Bias(op.name, -op.outputs[0], op.outputs[0])]
    if op.type in algebra.QUOTIENTS and places == [0]:
        return []
    if op.type in algebra.SUMS | algebra.EXTREMES and places == numbers:
        return []
    if op.type in algebra.SUMS or (op.type == algebra.NORMALIZATION and places == [0]):
        return [Bias(op.name, _added(op, places), op.outputs[0])]
    if op.type == "Relu6":
        return [Bias(op.name, _saturated(op.outputs[0]), op.outputs[0])]
    sources = list({op.inputs[i].name: op.inputs[i] for i in places}.values())
    return _remainders([op], sources, outputs)


def _added(op: Any, places: list[int]) -> Tensor:
    """Give what a sum adds: a constant as it is, where it broadcasts to the result, or else the value at zero."""
    rest = [source for i, source in enumerate(op.inputs) if i not in places]
    if op.type in ("AddV2", "Add") or (op.type == "BiasAdd" and op.get_attr("data_format") == b"NHWC"):
        return rest[0]
    if op.type == "Sub":
        return rest[0] if places == [1] else -rest[0]
    zeros = {op.inputs[i].name: _zeros_for(op, op.inputs[i]) for i in places}
    return replayed([op], zeros)[op.outputs[0].name]


def _zeros_for(op: Any, source: Tensor) -> Tensor:
    """Give the zeros that an op turns into what it adds: a normalisation adds the same at every position."""
    if op.type != algebra.NORMALIZATION:
        return tf.zeros_like(source)
    shape = [1] * source.shape.rank
    shape[-1 if op.get_attr("data_format").endswith(b"C") else 1] = -1
    return tf.reshape(tf.zeros_like(op.inputs[1], dtype=source.dtype), shape)


def _saturated(values: Tensor) -> Tensor:
    """What ReLU6 is away from its tangent: 6 where it has reached it, where its gradient is 0, and nothing else."""
    return values - tf.raw_ops.Relu6Grad(gradients=values, features=values)


def _remainders(ops: list[Any], sources: list[Tensor], outputs: list[Tensor]) -> list[Bias]:
    """Give y - J x of ops by themselves."""
    _refuse_hidden(ops)
    known = replayed(ops, {source.name: tf.identity(source) for source in sources})
    again = [known[source.name] for source in sources]
    push = _stretched if ops[-1].type in algebra.CURVES and len(ops) == len(sources) == 1 else _pushed
    try:
        linear = [push(again, known[out.name]) for out in outputs]
    except LookupError as error:
        raise ModelError(
            f"The biases of {ops[-1].type} ({ops[-1].name}) cannot be told, for TensorFlow has no gradient of it: use "
            "another method, such as integrated_gradients."
        ) from error
    pairs = zip(outputs, linear, strict=True)
    return [Bias(out.op.name, out if part is None else _less(out, part), out) for out, part in pairs]


def _stretched(sources: list[Tensor], output: Tensor) -> Tensor | None:
    """Give f'(z) z, value by value."""
    (slope,) = tf.gradients(output, sources)
    return None if slope is None else slope * sources[0]


def _pushed(sources: list[Tensor], output: Tensor) -> Tensor | None:
    """Push the sources themselves through the Jacobian: the gradient, by its own argument, of the vector times it."""
    vector = tf.ones_like(output)
    back = [
        (source, slope)
        for source, slope in zip(sources, tf.gradients(output, sources, grad_ys=vector), strict=True)
        if slope is not None
    ]
    if not back:
        return None
    return tf.gradients([slope for _, slope in back], vector, grad_ys=[source for source, _ in back])[0]


def _less(output: Tensor, linear: Tensor) -> Tensor:
    """Subtract, and give 0 for what only rounding left: a map would show it as large as any other."""
    rest = output - linear
    unit = 2.0 ** -_DIGITS[output.dtype.name]
    small = tf.abs(rest) <= _ROUNDING * unit * (tf.abs(output) + tf.abs(linear))
    return tf.where(small, tf.zeros_like(rest), rest)


def _laid_back(bias: Bias, part: Region, found: Flow) -> Bias:
    """Where a normalisation works on groups of channels, give its bias in the shape that it had before them."""
    readers = found.readers(bias.output)
    before, after = part.entry.op, readers[0] if len(readers) == 1 else None
    if after is None or not before.type == after.type == "Reshape":
        return bias
    if before.inputs[0].shape.rank != after.outputs[0].shape.rank:
        return bias
    value = replayed([after], {bias.output.name: bias.value})[after.outputs[0].name]
    return Bias(bias.name, value, after.outputs[0])


def _refuse_hidden(ops: list[Any]) -> None:
    for op in ops:
        if op.type in HIDING:
            raise ModelError(
                f"The biases inside of {op.type} ({op.name}) cannot be seen: use another method, such as "
                "integrated_gradients."
            )


def terms(score: Tensor, inputs: Tensor, found: list[Bias]) -> tuple[Tensor, list[Tensor]]:
    """Split one score of each example, [B], into what it is the sum of.

    Args:
        score: What is split.
        inputs: A tensor [B, ...], or a structure of them.
        found: The `biases` on the way from the inputs to the score.

    Returns:
        Inputs times their gradients, in the inputs' structure, and each bias times its own, [B, ...], where it is.

    Raises:
        InputError: An input is not made of floats, or the score does not depend on it.
    """
    slopes, rest = gradient_and(score, inputs, [bias.output for bias in found])
    own = tf.nest.map_structure(lambda leaf, slope: tf.cast(leaf, slope.dtype) * slope, inputs, slopes)
    return own, [tf.cast(bias.value, slope.dtype) * slope for bias, slope in zip(found, rest, strict=True)]
