"""A layer with weights, in the parts that rules of relevance ask for: what its inputs contribute, by their sign.

z = sum of x w' + t, where w' is the weights times the scales, and t the sum of the shifts, that follow the layer's op;
y = z, or the ReLU of it that follows.
"""

from functools import cached_property
from typing import Any

from . import kinds
from .explanation import Tensor
from .lazy import tf
from .parts import Part
from .replays import again, widened


class Layer:
    """A layer, whose weights may have been scaled since: rules that look at signs see those after the scaling.

    Attributes:
        part: What is computed, on the traced ops.
        inputs: x.
        outputs: z.
        activated: y.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        self.inputs = widened(part.sources[0])
        self.activated = widened(part.outputs[0])
        self.outputs = widened(part.rectifier.inputs[0]) if part.rectifier else self.activated
        self._place = part.places[0]
        floats = [i for i, source in enumerate(part.op.inputs) if source.dtype.is_floating]
        self._weights_place = next(i for i in floats if i != self._place)
        self.weights = widened(part.op.inputs[self._weights_place])

    @property
    def convolution(self) -> bool:
        """Whether it is a convolution, of any kind, and no dense layer."""
        return self.part.op.type in kinds.CONVOLUTIONS

    @cached_property
    def upper(self) -> Tensor:
        """The weights above 0, scaled if need be."""
        return tf.maximum(self._signed[0], 0)

    @cached_property
    def lower(self) -> Tensor:
        """The weights below 0, scaled if need be."""
        return tf.minimum(self._signed[0], 0)

    def applied(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """Apply other weights to other inputs, without shifts and scales; in the shape of z."""
        value = again(self.part.op, {self._place: inputs, self._weights_place: weights})[0]
        return self._moved(value)

    def returned(self, values: Tensor, weights: Tensor) -> Tensor:
        """Send values of the shape of z back through weights, without scales; in the shape of x."""
        return _slopes(lambda inputs: self.applied(inputs, weights), self.inputs, values)

    def back(self, values: Tensor) -> Tensor:
        """Send values of the shape of z back through the scaled weights, by the plain gradient."""
        return self.returned(values if self._scales is None else self._scales * values, self.weights)

    def pull(self, above: Tensor, below: Tensor) -> Tensor:
        """Add up `above` times the scaled weights above 0, and `below` times those below; in the shape of z."""
        return self._scaled(*self._crossed(above, below))

    def push(self, above: Tensor | None, below: Tensor | None) -> Tensor:
        """Send `above` back through the scaled weights above 0, and `below` through those below; in the shape of x.

        None sends nothing, at no cost.
        """
        scales = self._signed[1]
        if scales is not None:
            none = tf.zeros([], scales.dtype)
            up, down = (none if values is None else scales * values for values in (above, below))
            above, below = tf.where(scales > 0, up, down), tf.where(scales > 0, down, up)
        sent = [(above, self.upper), (below, self.lower)]
        return tf.add_n([self.returned(values, weights) for values, weights in sent if values is not None])

    @cached_property
    def gains(self) -> Tensor:
        """What adds to z: the positive products of inputs and weights, and the positive shifts."""
        return self._scaled(*self._products) + tf.maximum(self.shifts, 0)

    @cached_property
    def losses(self) -> Tensor:
        """What takes from z: the negative products of inputs and weights, and the negative shifts."""
        return self._scaled(*reversed(self._products)) + tf.minimum(self.shifts, 0)

    @cached_property
    def _products(self) -> tuple[Tensor, Tensor]:
        """The sums of the positive, and of the negative, products of inputs and weights, before scales."""
        if self.rectified:
            return self.applied(self.inputs, self.upper), self.applied(self.inputs, self.lower)
        return self._crossed(tf.maximum(self.inputs, 0), tf.minimum(self.inputs, 0))

    def _crossed(self, above: Tensor, below: Tensor) -> tuple[Tensor, Tensor]:
        straight = self.applied(above, self.upper) + self.applied(below, self.lower)
        return straight, self.applied(above, self.lower) + self.applied(below, self.upper)

    def _scaled(self, straight: Tensor, turned: Tensor) -> Tensor:
        """Scale sums over weights, where a scale below 0 turns the signs of weights round."""
        scales = self._signed[1]
        return straight if scales is None else scales * tf.where(scales > 0, straight, turned)

    @cached_property
    def rectified(self) -> bool:
        """Whether no input is ever below 0, which halves the work."""
        return _rectified(self.part.sources[0])

    @cached_property
    def shifts(self) -> Tensor:
        """t, in a shape that fits z."""
        return self._followed(self._alike(0))

    @property
    def _before(self) -> Tensor:
        return widened(self.part.op.outputs[0])

    @cached_property
    def _by_feature(self) -> bool:
        """Whether what follows treats each number by itself, the last axis being the features."""
        known = self._before.shape.rank is not None and self._before.shape[-1] is not None
        return known and all(op.type in kinds.BY_NUMBER and channels_last(op) for op, _ in self.part.chain)

    def _alike(self, value: int) -> Tensor:
        """Fill a tensor to be sent through what follows: one number for each feature will do, if that fits them all."""
        before = self._before
        if not self._by_feature:
            return tf.fill(tf.shape(before), tf.constant(value, before.dtype))
        return tf.constant(value, before.dtype, [1] * (before.shape.rank - 1) + [before.shape[-1]])

    @cached_property
    def _scales(self) -> Tensor | None:
        """By what the sum is multiplied, in a shape that fits z; None is 1."""
        if all(op.type in (*kinds.SHIFTS, *kinds.MOVES) for op, _ in self.part.chain):
            return None
        if not self._by_feature:
            return self._moved(_slopes(self._followed, self._before, tf.ones_like(self.outputs)))
        scales = self._alike(1)
        for op, place in self.part.chain:
            scales = scaled_by(op, place, scales)
        return scales

    @cached_property
    def _signed(self) -> tuple[Tensor, Tensor | None]:
        """The weights that the scales were drawn into; or those before the scaling, and the scales."""
        if self._scales is None:
            return self.weights, None
        fits = self._by_feature and self._weights_place == 1
        drawn = drawn_in(self.part.op, self.weights, self._scales) if fits else None
        return (self.weights, self._scales) if drawn is None else (drawn, None)

    def _followed(self, value: Tensor) -> Tensor:
        for op, place in self.part.chain:
            value = again(op, {place: value})[0]
        return value

    def _moved(self, value: Tensor) -> Tensor:
        for op, place in self.part.chain:
            value = again(op, {place: value})[0] if op.type in kinds.MOVES else value
        return value


def channels_last(op: Any) -> bool:
    """Whether an op takes the last axis for the features, where that matters to it."""
    formats = op.node_def.attr.get("data_format")
    return formats is None or formats.s in (b"NHWC", b"NDHWC")


def drawn_in(op: Any, weights: Tensor, scales: Tensor) -> Tensor | None:
    """Multiply weights by the scales of the features that they give; None where these are not one for each."""
    one_for_each = channels_last(op) and scales.shape.rank is not None and set(scales.shape[:-1]) <= {1}
    if one_for_each and op.type in ("Conv2D", "Conv3D") and weights.shape[-1] == scales.shape[-1]:
        return weights * tf.reshape(scales, [-1])
    if one_for_each and op.type == "MatMul" and not op.get_attr("transpose_b"):
        return weights * tf.reshape(scales, [-1])
    if one_for_each and op.type == "DepthwiseConv2dNative" and weights.shape.is_fully_defined():
        return weights * tf.reshape(scales, weights.shape[2:])
    return None


def scaled_by(op: Any, place: int, value: Tensor) -> Tensor:
    """Make of a value what the scale alone of a shift and scale makes of it."""
    if op.type in kinds.SHIFTS:
        return value
    if op.type == "Sub":
        return -value if place else value
    changes = {place: value}
    if op.type == "FusedBatchNormV3":
        changes |= {i: tf.zeros_like(op.inputs[i]) for i in (2, 3)}  # the shift and the mean
    return again(op, changes)[0]


def _slopes(function: Any, inputs: Tensor, values: Tensor) -> Tensor:
    """Send values back through a linear function of the inputs."""
    fresh = tf.identity(inputs)  # a leaf: tf.gradients looks at all that follows it
    return tf.convert_to_tensor(tf.gradients(function(fresh), fresh, grad_ys=values)[0])


def _rectified(tensor: Tensor) -> bool:
    seen: set[str] = set()
    ahead = [tensor]
    while ahead:
        tensor = ahead.pop()
        if tensor.name in seen or tensor.op.type in kinds.RECTIFIED:
            continue
        if tensor.op.type not in kinds.KEEP_SIGN:
            return False
        seen.add(tensor.name)
        ahead.extend(source for source in tensor.op.inputs if source.dtype.is_floating)
    return True
