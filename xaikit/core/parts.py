"""A forward pass as the parts at which relevance has one rule each: layers, functions, products, and plain ops.

They are found on the traced ops. Only what carries relevance from the scores back to the inputs is looked at: weights,
shapes, and the numbers that normalise are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from . import kinds
from .explanation import Tensor
from .gradients import check_floats, cut_off
from .lazy import tf
from .origins import Origins, origins_of, same_shape, shared
from .passes import Pass

Kind = Literal["plain", "function", "product", "layer", "unknown"]


class Part(NamedTuple):
    """Some ops that relevance goes back through at once.

    Attributes:
        kind: "plain" ops have their own gradient as the rule; a "function" gives each number of one source another one;
            a "product" is of two features; a "layer" has weights; for what is "unknown" there is no rule.
        op: The op; of a layer, the one with the weights; of a function, its last one.
        outputs: The tensors that relevance comes from.
        sources: The tensors that it goes to.
        places: Those of the sources among the op's inputs; none for a function.
        chain: What follows a layer's op and belongs to it, shifts, scales and reshapes: (op, place of its input).
        rectifier: The ReLU that follows a layer and its chain, and belongs to it too, where there is one.
    """

    kind: Kind
    op: Any
    outputs: tuple[Tensor, ...]
    sources: tuple[Tensor, ...]
    places: tuple[int, ...] = ()
    chain: tuple[tuple[Any, int], ...] = ()
    rectifier: Any = None


@dataclass(frozen=True, eq=False)
class Network:
    """A forward pass, seen from some of its tensors.

    Attributes:
        ends: The tensors that relevance starts from.
        inputs: Those of the model's inputs, flat.
        parts: In the order in which they run.
    """

    ends: tuple[Tensor, ...]
    inputs: tuple[Tensor, ...]
    parts: tuple[Part, ...]


def network(made: Pass, ends: Sequence[Tensor], *, attention: bool) -> Network:
    """Find the parts of a forward pass.

    Args:
        made: The forward pass.
        ends: Tensors of it, such as the logits.
        attention: Whether relevance goes to the weights of an attention, or a gate, or to what they weigh alone.

    Raises:
        InputError: An input is made of whole numbers, or the ends do not depend on it.
    """
    ends = tuple({end.name: end for end in ends}.values())
    inputs = tuple(_of(made.graph, leaf) for leaf in tf.nest.flatten(made.inputs))
    for leaf in inputs:
        check_floats(leaf)
    origins = origins_of(made, ends, inputs)
    parts = _carrying(ends, inputs, origins, attention)
    _check_reached(inputs, ends, parts)
    merged = _with_chains(parts, ends)
    return Network(ends, inputs, tuple(sorted(merged, key=lambda part: made.order[part.outputs[0].op.name])))


def _of(graph: Any, leaf: Tensor) -> Tensor:
    """Give the tensor that stands for an input in a graph, a loop's body say, that is inside of the input's own."""
    return leaf if leaf.graph is graph else graph.capture(leaf)


def _carrying(ends: Sequence[Tensor], inputs: Sequence[Tensor], origins: Origins, attention: bool) -> list[Part]:
    """Walk back from the ends along whatever carries relevance."""
    leaves = {leaf.name for leaf in inputs}
    parts: dict[str, Part] = {}
    ahead = [end for end in ends if end.name in origins]
    while ahead:
        tensor = ahead.pop()
        if tensor.name not in leaves and tensor.op.name not in parts:
            part = parts[tensor.op.name] = _part(tensor.op, origins, attention)
            ahead.extend(part.sources)
    return list(parts.values())


def _part(op: Any, origins: Origins, attention: bool) -> Part:
    """Say what an op is, by its type and by which of its inputs are features."""
    places = tuple(i for i, source in enumerate(op.inputs) if source.name in origins)
    sources = [op.inputs[i] for i in places]
    if len(places) == 2 and op.type in (*kinds.PRODUCTS, "RealDiv"):
        same = shared(sources, origins) if op.type in kinds.VALUE_BY_VALUE else ()
        same = tuple(tensor for tensor in same if same_shape(tensor, op.outputs[0]))
        if same:  # x f(x), as in GELU, SiLU and hard swish
            return Part("function", op, (op.outputs[0],), same[:1])
        if op.type == "RealDiv":
            return _at("plain", op, places[:1])
        weighed = [i for i in places if not _weighs(op.inputs[i], origins)]
        if len(weighed) == 1 and not attention:
            return _at("layer" if op.type in kinds.BILINEAR else "plain", op, weighed)
        return _at("product", op, places)
    if len(places) == 1 and op.type in kinds.BILINEAR:
        kind: dict[int, Kind] = {1: "plain", 2: "layer"}  # an Einsum of one tensor moves and adds up
        return _at(kind.get(len(_floats(op)), "unknown"), op, places)
    if len(places) == 1 and (op.type in kinds.FUNCTIONS or (op.type == "RealDiv" and places == (1,))):
        return Part("function", op, (op.outputs[0],), tuple(sources))
    return _at("plain" if op.type in kinds.PLAIN and not _learns(op) else "unknown", op, places)


def _at(kind: Kind, op: Any, places: Sequence[int]) -> Part:
    outputs = tuple(op.outputs) if kind == "plain" else (op.outputs[0],)
    return Part(kind, op, outputs, tuple(op.inputs[i] for i in places), tuple(places))


def _floats(op: Any) -> list[int]:
    return [i for i, source in enumerate(op.inputs) if source.dtype.is_floating]


def _learns(op: Any) -> bool:
    """Whether an op normalises by what it sees in the batch: a part of it only looks linear."""
    return op.type == "FusedBatchNormV3" and bool(op.get_attr("is_training"))


def _weighs(tensor: Tensor, origins: Origins) -> bool:
    """Whether a tensor is the weights of an attention or a gate, moved or scaled: made by a softmax or a sigmoid."""
    features, scaled = [tensor], False
    while len(features) == 1 and features[0].op.type in (*kinds.MOVES, "Mul", "RealDiv", "StridedSlice", "Split"):
        scaled = scaled or features[0].op.type in ("Mul", "RealDiv")
        features = [source for source in features[0].op.inputs if source.name in origins]
    if len(features) != 1:
        return False
    kind = features[0].op.type
    return kind in ("Softmax", "Sigmoid") or (kind == "Relu6" and scaled)  # a hard sigmoid is relu6(z + 3) / 6


def _with_chains(parts: Sequence[Part], ends: Sequence[Tensor]) -> list[Part]:
    """Give each layer what follows it: shifts, scales and reshapes, as of a batch normalisation, and then a ReLU."""
    users: dict[str, list[Part]] = {end.name: [] for end in ends}  # what relevance starts from is inside of no part
    stops = set(users)
    for part in parts:
        for source in part.sources:
            users.setdefault(source.name, []).append(part)
    merged, inside = [], set()

    def only_user(tensor: Tensor) -> Part | None:
        alone = tensor.name not in stops and len(users[tensor.name]) == 1
        return users[tensor.name][0] if alone else None

    for layer in (part for part in parts if part.kind == "layer"):
        tensor, chain, rectifier = layer.outputs[0], [], None
        while (user := only_user(tensor)) and rectifier is None and _belongs(user):
            inside.add(user.op.name)
            tensor = user.op.outputs[0]
            if user.op.type in kinds.RECTIFIERS:
                rectifier = user.op
            else:
                chain.append((user.op, user.places[0]))
        merged.append(layer._replace(outputs=(tensor,), chain=tuple(chain), rectifier=rectifier))
    return merged + [part for part in parts if part.kind != "layer" and part.op.name not in inside]


def _belongs(part: Part) -> bool:
    """Whether a part that follows a layer is a shift, a scale or a reshape of it, or its ReLU."""
    if part.op.type in kinds.RECTIFIERS:
        return True
    if part.kind != "plain" or len(part.places) != 1:
        return False
    same = same_shape(part.sources[0], part.op.outputs[0])
    return part.op.type in kinds.MOVES or (part.op.type in kinds.AFFINE and same)


def _check_reached(inputs: Sequence[Tensor], ends: Sequence[Tensor], parts: Sequence[Part]) -> None:
    reached = {tensor.name for tensor in ends} | {source.name for part in parts for source in part.sources}
    for leaf in inputs:
        if leaf.name not in reached:
            raise cut_off(leaf)
