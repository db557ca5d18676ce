"""Multipliers of DeepLIFT: two runs of a model, on inputs and on baselines, sent back together op by op."""

from itertools import groupby
from typing import Any, NamedTuple

from ..errors import ModelError
from . import algebra, extremes, secants
from .calls import is_convolution
from .explanation import Tensor
from .flow import Flow, flow
from .gradients import check_floats, cut_off
from .lazy import tf
from .regions import Region, regions
from .replays import CUSTOM, is_half, widened
from .secants import Back, Both, Rule

_RULES: dict[str, Rule] = {
    **dict.fromkeys(algebra.SUMS, secants.linear),
    **dict.fromkeys(algebra.PRODUCTS | algebra.SQUARES, secants.product),
    **dict.fromkeys(algebra.QUOTIENTS, secants.quotient),
    **dict.fromkeys(("IdentityN", "StopGradient"), secants.handed_on),
    **dict.fromkeys(("MaxPool", "MaxPool3D"), extremes.pooling),
    **dict.fromkeys(("Max", "Min"), extremes.reduced),
    "Softmax": secants.softmax,
    "LogSoftmax": secants.log_softmax,
}


class _Node(NamedTuple):
    """An op, or an activation of several, and what sends multipliers back through it."""

    sources: list[Tensor]
    outputs: list[Tensor]
    back: Back


class Multipliers:
    """The multipliers between two runs of one model.

    Attributes:
        inputs: The inputs of the first run, in a list.
    """

    def __init__(self, model: str, runs: tuple[Tensor, Tensor], scores: tuple[Tensor, Tensor], given: Tensor) -> None:
        """Prepare what is the same for every target.

        Args:
            model: Its name, for messages.
            runs: The inputs, and the baselines, each a tensor or a structure of them; one baseline may stand for all.
            scores: What the two led to.
            given: What is the same for both, such as targets.

        Raises:
            InputError: An input is not made of floats.
            ModelError: An op has no rule, or the runs were traced differently.
        """
        self.inputs = tf.nest.flatten(runs[0])
        for leaf in self.inputs:
            check_floats(leaf)
        self._scores = scores[0]
        found = flow(self.inputs, scores[0], given)
        known = dict(zip((leaf.name for leaf in self.inputs), tf.nest.flatten(runs[1]), strict=True))
        partners = _partners(model, found, known, *scores)

        def both(tensor: Tensor) -> tuple[Tensor, Tensor]:
            return widened(tensor), widened(partners.get(tensor.name, tensor))

        self._nodes = _nodes(found, model, both)

    def of(self, score: Tensor) -> list[Tensor]:
        """Give the multipliers of the inputs for one score of each example, [B], a column of the scores.

        Raises:
            InputError: The score does not depend on an input.
        """
        held = {self._scores.name: widened(tf.gradients(score, self._scores)[0])}
        for node in reversed(self._nodes):
            slopes = [held.get(out.name) for out in node.outputs]
            if any(slope is not None for slope in slopes):
                for source, slope in zip(node.sources, node.back(slopes), strict=True):
                    if slope is not None:
                        held[source.name] = held[source.name] + slope if source.name in held else slope
        for leaf in self.inputs:
            if leaf.name not in held:
                raise cut_off(leaf)
        return [held[leaf.name] for leaf in self.inputs]


def check(model: str, inputs: Tensor, scores: Tensor) -> None:
    """Refuse a model with an op between inputs and scores for which there is no rule.

    Raises:
        ModelError: It names the first such op, whose name says the layer.
    """
    found = flow(inputs, scores)
    for part in _parts(found):
        if not isinstance(part, Region):
            _rule(part, found, model)


def _parts(found: Flow) -> list[Any]:
    """List what has a rule of its own, in the order of making: activations in several ops, and all other ops."""
    activations = {region.output.op.name: region for region in regions(found, algebra.ELEMENTWISE, fits=_keeps_shape)}
    inside = {op.name for region in activations.values() for op in region.ops}
    return [activations.get(op.name, op) for op in found.ops if op.name in activations or op.name not in inside]


def _keeps_shape(region: Region) -> bool:
    """Whether each value makes one value, so that a secant is one number."""
    shapes = [op.outputs[0].shape for op in region.ops]  # a custom gradient's op hands on what it was given besides
    return all(shape.rank is not None and list(shape) == list(region.entry.shape) for shape in shapes)


def _nodes(found: Flow, model: str, both: Both) -> list[_Node]:
    """Give the nodes in the order of making; ops in turn that go by their own gradients, as they are, are one node."""
    nodes: list[_Node] = []
    for plain, run in groupby(_parts(found), lambda part: _is_plain(part, found, model)):
        parts = list(run)
        nodes += [_stretch(parts, found)] if plain else [_node(part, found, model, both) for part in parts]
    return nodes


def _is_plain(part: Any, found: Flow, model: str) -> bool:
    """Whether TensorFlow's gradient of what was traced is the rule: there is no other one, and no half precision."""
    if isinstance(part, Region) or _rule(part, found, model) is not secants.linear:
        return False
    return CUSTOM not in part.node_def.attr and not any(is_half(tensor) for tensor in (*part.inputs, *part.outputs))


def _stretch(ops: list[Any], found: Flow) -> _Node:
    outputs = [out for op in ops for out in op.outputs]
    inside = {out.name for out in outputs}
    sources = {source.name: source for op in ops for source in _sources(op, found) if source.name not in inside}
    return _Node(list(sources.values()), outputs, secants.stretch(outputs, list(sources.values())))


def _node(part: Any, found: Flow, model: str, both: Both) -> _Node:
    if isinstance(part, Region):
        return _Node([part.entry], [part.output], secants.curve(part.ops, part.entry, part.output, both))
    sources = _sources(part, found)
    return _Node(sources, list(part.outputs), _rule(part, found, model)(part, sources, both))


def _sources(op: Any, found: Flow) -> list[Tensor]:
    return list({op.inputs[i].name: op.inputs[i] for i in found.places(op)}.values())


def _rule(op: Any, found: Flow, model: str) -> Rule:
    """Find the rule of an op, by what varies of what it reads."""
    sources = _sources(op, found)
    rule = _by_what_varies(op, found.places(op), sources)
    if rule is None or not all(source.dtype.is_floating for source in sources):
        raise ModelError(
            f"deeplift has no rule for {op.type} ({op.name}) of {model}: use another method, such as "
            "integrated_gradients."
        )
    return rule


def _by_what_varies(op: Any, places: list[int], sources: list[Tensor]) -> Rule | None:
    if op.type in secants.RECTIFIERS:
        return secants.rectifier
    if op.type in algebra.CURVES and len(sources) == 1 and list(sources[0].shape) == list(op.outputs[0].shape):
        return secants.one_curve
    if op.type in algebra.EXTREMES:
        return extremes.larger
    if op.type in algebra.MOVES | algebra.PRODUCTS and len(places) == 1:
        return secants.linear
    if op.type == algebra.NORMALIZATION:
        return secants.linear if places == [0] and not op.get_attr("is_training") else None
    if op.type in ("MaxPool", "MaxPool3D") and not _pools_plainly(op):
        return None
    if op.type in ("MaxPool", "MaxPool3D") and set(op.get_attr("ksize")) == {1}:
        return secants.linear  # it leaves values out, and compares none
    if is_convolution(op):
        return secants.call if len(places) == 1 else None
    return _RULES.get(op.type)


def _pools_plainly(op: Any) -> bool:
    """Whether the channels are last, and windows lie within one example and one channel."""
    whole = [op.get_attr(name)[i] for name in ("ksize", "strides") for i in (0, -1)]
    return (
        op.get_attr("data_format") in (b"NHWC", b"NDHWC") and op.get_attr("padding") != b"EXPLICIT" and whole == [1] * 4
    )


def _partners(model: str, found: Flow, known: dict[str, Tensor], score: Tensor, other: Tensor) -> dict[str, Tensor]:
    """Match what varies in one run with the same of the other, from the scores back."""
    partners = dict(known)
    ahead = [(score, other)]
    while ahead:
        one, two = ahead.pop()
        if one.name in partners or one.name not in found.varying:
            continue
        if two.op.type == "Tile" != one.op.type:  # one baseline's scores, for every example
            two = two.op.inputs[0]
        if one.op.type != two.op.type or len(one.op.inputs) != len(two.op.inputs):
            raise ModelError(
                f"{model} runs other operations on the baseline than on the input ({one.op.name}, {two.op.name}): use "
                "another method, such as integrated_gradients."
            )
        partners.update({out.name: match for out, match in zip(one.op.outputs, two.op.outputs, strict=True)})
        ahead.extend(zip(one.op.inputs, two.op.inputs, strict=True))
    return partners
