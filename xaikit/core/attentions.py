"""Attention on traced ops: a Softmax whose result is multiplied with values, however the layer around it is written."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from .explanation import Tensor
from .lazy import tf
from .passes import Pass, ancestors

_SEEN_THROUGH = ("Identity", "Cast")
_PRODUCTS = ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum")
_MAKERS = (*_PRODUCTS, "MatMul", "Conv1D", "Conv2D", "DepthwiseConv2dNative")


class Attention(NamedTuple):
    """The attention of one layer.

    Attributes:
        weights: [B, heads, N, N] or [B, N, N]: how much of each token goes into each one; rows add up to 1.
        values: What they weigh.
        result: Their product.
    """

    weights: Tensor
    values: Tensor
    result: Tensor

    @property
    def name(self) -> str:
        """The name of the op, which says the layer."""
        return f"attention {self.weights.op.name!r}"


class Way:
    """The ops of a forward pass on the way to the scores, a tensor or a structure of them.

    Attributes:
        ops: In the order of their making.
    """

    def __init__(self, made: Pass, scores: Tensor) -> None:
        ends = [leaf for leaf in tf.nest.flatten(scores) if leaf.graph is made.graph]
        wanted = set().union(*(ancestors(leaf) for leaf in ends))
        self.ops = [op for op in made.graph.get_operations() if op.name in wanted]
        self._inputs = {leaf.op.name for leaf in tf.nest.flatten(made.inputs) if leaf.graph is made.graph}

    def _is_input(self, op: Any) -> bool:
        """Whether an op gives an input of the pass; from within a loop those of another graph are placeholders."""
        if self._inputs:
            return op.name in self._inputs
        return bool(op.type == "Placeholder" and op.outputs[0].dtype != tf.resource)

    @cached_property
    def users(self) -> dict[str, list[Any]]:
        """The ops that take a tensor, by its name."""
        found: dict[str, list[Any]] = {}
        for op in self.ops:
            for source in op.inputs:
                found.setdefault(source.name, []).append(op)
        return found

    @cached_property
    def origins(self) -> dict[str, frozenset[str]]:
        """The inputs and the attention weights that an op's results are made of, by its name."""
        found: dict[str, frozenset[str]] = {}
        for op in self.ops:
            own = {op.name} if op.type == "Softmax" or self._is_input(op) else set[str]()
            found[op.name] = frozenset(own).union(*(found.get(source.op.name, ()) for source in op.inputs))
        return found

    @cached_property
    def attentions(self) -> list[Attention]:
        """All attention, in the order of the layers."""
        weights = [op.outputs[0] for op in self.ops if op.type == "Softmax" and (op.outputs[0].shape.rank or 0) > 2]
        return [each for tensor in weights for each in self._weighing(tensor, tensor)]

    def made_of(self, tensor: Tensor) -> frozenset[str]:
        """Name the inputs, and the Softmax ops, that a tensor is made of."""
        return self.origins[tensor.op.name]

    def asked(self, weights: Tensor) -> list[Tensor]:
        """Give queries and keys, whose product weights are made of; where there is none, the weights' own logits.

        A mask, which may come out of an input of its own, is neither.
        """
        square, logits = weights.shape[-2:].as_list(), weights.op.inputs[0]
        ahead = [logits.op]
        for op in ahead:
            product = op.type in _PRODUCTS and op.outputs[0].shape[-2:].as_list() == square
            if product and all(self.made_of(source) for source in op.inputs):
                return list(op.inputs)
            if op.type != "Softmax":  # that of a layer before
                ahead.extend(source.op for source in op.inputs if source.dtype.is_floating and source.op not in ahead)
        return [logits]

    def projections(self) -> set[str]:
        """Name the tensors that are queries, keys and values and nothing else, from the product with weights on.

        Layers that make them are part of the attention, and their results are no features of their own.
        """
        names = set[str]()
        for each in self.attentions:
            parts = self.asked(each.weights)
            for tensor in (*(parts if len(parts) > 1 else []), each.values):
                names |= self._projection(tensor)
        return names

    def _projection(self, tensor: Tensor) -> set[str]:
        """Name a tensor, and those that it is made of from weights on, if nobody else uses them; else nothing."""
        ahead, inside = [tensor], {user.name for user in self.users[tensor.name]}
        for part in ahead:
            op = part.op
            if self._is_input(op):
                return set()
            if op.name not in inside:
                inside.add(op.name)
                varying = [source for source in op.inputs if source.dtype.is_floating and self.made_of(source)]
                ahead.extend(varying if op.type not in _MAKERS or len(varying) > 1 else [])
        outside = [user for part in ahead for user in self.users[part.name] if user.name not in inside]
        # what computes a shape is no use
        used = any(out.dtype.is_floating for user in outside for out in user.outputs)
        return set() if used else {part.name for part in ahead}

    def _weighing(self, weights: Tensor, tensor: Tensor) -> Iterator[Attention]:
        """Give the products of attention weights with values, looking through casts and dropout that is on."""
        for op in self.users.get(tensor.name, []):
            if op.type in _SEEN_THROUGH or (op.type == "Mul" and any(_drawn(source) for source in op.inputs)):
                yield from self._weighing(weights, op.outputs[0])
            elif op.type in _PRODUCTS and len(op.inputs) == 2:
                place = 0 if op.inputs[0] is tensor else 1
                if _sums_last(op, place) and self.made_of(op.inputs[1 - place]):
                    yield Attention(weights, op.inputs[1 - place], op.outputs[0])


def _drawn(tensor: Tensor) -> bool:
    """Whether the floats of a tensor are made of whole numbers alone, as a mask of dropout is of random bits."""
    ahead = [tensor.op]
    for op in ahead:
        if op.type in ("Placeholder", "ReadVariableOp", "ResourceGather"):
            return False
        ahead.extend(source.op for source in op.inputs if source.dtype.is_floating and source.op not in ahead)
    return True


def _sums_last(op: Any, place: int) -> bool:
    """Whether a product sums over the last axis of one of its operands."""
    if op.type != "Einsum":
        return bool(op.get_attr("adj_y") if place else not op.get_attr("adj_x"))
    terms, result = op.get_attr("equation").decode().split("->")
    return terms.split(",")[place][-1] not in result
