"""Layer-wise relevance propagation on the traced ops, from the scores back to the inputs.

What is handed back is not the relevance R of a tensor x, but the quotient c = R / x: where an op is a line through 0, c
is the plain gradient, and nothing is divided by what may be 0. TensorFlow's own table of other gradients would not do:
a layer that declares a gradient for itself, as SiLU does, is out of its reach.

Rules for a first layer give relevance also where x is 0. From there back to the inputs it is R that is handed back, one
to one through paddings and rescalings.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ModelError
from . import kinds
from .attended import attended, softmax_of
from .explanation import Tensor
from .layers import Layer
from .lazy import tf
from .origins import same_shape
from .parts import Network, Part, network
from .passes import SEEN_THROUGH, Pass
from .replays import again, back_through, widened
from .view import Model

Slopes = Mapping[int, Tensor]  # c of a part's outputs, by their place
Back = Callable[[Slopes], Sequence[Tensor]]
LayerRule = Callable[[Layer], Callable[[Tensor], Tensor]]
_SMALL = 1e-8  # where |z| is far below, the relevance of f(z) is not z's


class Rules(NamedTuple):
    """How relevance goes back through layers.

    Attributes:
        layer: From a layer to a function of c at its output, that gives c at its input; what does not depend on the
            target is computed once.
        first: The same for the first layers, giving R at the input; None is as for the others.
    """

    layer: LayerRule
    first: Callable[[Layer, "Entry"], Callable[[Tensor], Tensor]] | None = None


class Entry:
    """The way from the model's inputs to the first layers: moves, paddings, and shifts and scales.

    Attributes:
        names: Of the tensors on it.
    """

    def __init__(self, network: Network) -> None:
        self.inputs = network.inputs
        self.names = {leaf.name for leaf in network.inputs}
        self._parts: dict[str, Part] = {}
        for part in network.parts:
            if _passes(part) and part.sources[0].name in self.names:
                self.names.add(part.outputs[0].name)
                self._parts[part.outputs[0].name] = part

    def follow(self, tensor: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        """Give what a tensor on the way would be, were the model's inputs changed."""
        part = self._parts.get(tensor.name)
        if part is None:
            return change(widened(tensor))
        return again(part.op, {part.places[0]: self.follow(part.sources[0], change)})[0]


def relevance(network: Network, rules: Rules) -> Callable[[Mapping[str, Tensor]], list[Tensor]]:
    """Prepare the way back through a network.

    Returns:
        A function of c at the network's ends, by their names, that gives the relevance of each input.
    """
    entry = Entry(network) if rules.first else None
    ways = [(part, _way(part, rules, entry)) for part in network.parts]

    def back(seeds: Mapping[str, Tensor]) -> list[Tensor]:
        held = {name: widened(seed) for name, seed in seeds.items()}
        for part, way in reversed(ways):
            slopes = {i: held.pop(out.name) for i, out in enumerate(part.outputs) if out.name in held}
            for source, slope in zip(part.sources, way(slopes) if slopes else (), strict=bool(slopes)):
                slope = tf.cast(slope, widened(source).dtype)
                held[source.name] = held[source.name] + slope if source.name in held else slope
        return [held[leaf.name] if entry else widened(leaf) * held[leaf.name] for leaf in network.inputs]

    return back


def _way(part: Part, rules: Rules, entry: Entry | None) -> Back:
    """Give the way back through one part: c to c, or on the entry to R."""
    if entry is None or not any(source.name in entry.names for source in part.sources):
        return _slopes(part, rules)
    if part.kind == "layer" and rules.first is not None:
        first = rules.first(Layer(part), entry)
        return lambda slopes: [first(slopes[0])]
    if part.outputs[0].name in entry.names:  # R to R, one to one
        return _plain(part) if part.op.type in (*kinds.MOVES, *kinds.PADS) else lambda slopes: [slopes[0]]
    way = _slopes(part, rules)
    on_entry = [source.name in entry.names for source in part.sources]

    def to_relevance(slopes: Slopes) -> list[Tensor]:
        both = zip(part.sources, way(slopes), on_entry, strict=True)
        return [widened(source) * slope if changes else slope for source, slope, changes in both]

    return to_relevance


def _slopes(part: Part, rules: Rules) -> Back:
    """Give the way back through one part, c to c."""
    if part.kind == "layer":
        rule = rules.layer(Layer(part))
        return lambda slopes: [rule(slopes[0])]
    if part.kind == "function":
        ratio = _ratio(part)
        return lambda slopes: [slopes[0] * ratio]
    if part.kind == "product" and (found := softmax_of(part)):
        return lambda slopes: attended(part, *found, slopes)
    if part.kind == "product":  # half to each factor
        return lambda slopes: [slope / 2 for slope in _plain(part)(slopes)]
    return _plain(part)


def _plain(part: Part) -> Back:
    """Give the way back of an op by its own gradient; of the commonest ones without a second run of them."""
    op, places = part.op, part.places
    if op.type == "Relu":
        return lambda slopes: [tf.raw_ops.ReluGrad(gradients=slopes[0], features=widened(op.outputs[0]))]
    if op.outputs[0].shape[1:].is_fully_defined() and all(same_shape(source, op.outputs[0]) for source in part.sources):
        if op.type in kinds.SHIFTS:
            return lambda slopes: [slopes[0]] * len(places)
        if op.type == "Mul" and len(places) == 1:
            return lambda slopes: [slopes[0] * widened(op.inputs[1 - places[0]])]
    return lambda slopes: back_through(op, places, slopes)


def _ratio(part: Part) -> Tensor:
    """y / z, and 0 where z is 0."""
    outputs, inputs = widened(part.outputs[0]), widened(part.sources[0])
    if part.op.type in kinds.RECTIFIERS:  # y is no larger than z
        return tf.math.divide_no_nan(outputs, inputs)
    return outputs * inputs / (tf.square(inputs) + _SMALL**2)


def _passes(part: Part) -> bool:
    """Whether an input goes through a part one to one."""
    if part.kind != "plain" or len(part.places) != 1:
        return False
    same = same_shape(part.sources[0], part.op.outputs[0])
    return part.op.type in (*kinds.MOVES, *kinds.PADS) or (part.op.type in kinds.AFFINE and same)


def network_of(model: Model, made: Pass, *, attention: bool, method: str) -> Network:
    """Give the network from a model's inputs to its scores.

    Raises:
        ModelError: It has an op for which there is no rule; the message names it.
        InputError: As for `network`.
    """
    ends = [_origin(leaf) for leaf in tf.nest.flatten(model.all_scores(made))]
    found = network(made, ends, attention=attention)
    for part in found.parts:
        if part.kind == "unknown":
            hidden = " (a function call; Keras makes one of a convolution in groups)" if "Call" in part.op.type else ""
            raise ModelError(
                f"{method} has no rule for {part.op.type} ({part.op.name}) of {model.name}{hidden}; it knows layers "
                "with weights, pooling, normalisation, attention, and activations of one number: use another method, "
                "such as gradients."
            )
    return found


def _origin(tensor: Tensor) -> Tensor:
    """Give the tensor of the pass that scores were cast from: scores that are asked for twice are cast twice."""
    while tensor.op.type in (*SEEN_THROUGH, "Transpose"):
        tensor = tensor.op.inputs[0]
    return tensor


def seeds(score: Tensor, network: Network) -> dict[str, Any]:
    """Give the slopes of a score by the network's ends: what c is there."""
    ends = list(network.ends)
    slopes = tf.gradients(score, ends, stop_gradients=ends, unconnected_gradients="zero")
    return {end.name: slope for end, slope in zip(ends, slopes, strict=True)}
