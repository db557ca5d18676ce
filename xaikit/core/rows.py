"""Whether a model keeps its examples in rows, along the first axis, all the way: then one of them broadcasts."""

from collections.abc import Callable
from math import prod
from typing import Any

from . import algebra
from .calls import is_convolution
from .explanation import Tensor
from .flow import flow
from .lazy import tf

# Each row of the result is made of the same row, wherever no axis comes before the rows.
_ROW_BY_ROW = algebra.ELEMENTWISE | {
    *("AddN", "BiasAdd", "Pad", "PadV2", "MirrorPad", "EnsureShape", "Softmax", "LogSoftmax", algebra.NORMALIZATION),
    *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2"),
    *("AvgPool", "AvgPool3D", "MaxPool", "MaxPool3D"),
}


def in_rows(inputs: Tensor, outputs: Tensor) -> bool:
    """Whether each row of the outputs, and of all between, was made of the same row of the inputs.

    False where it is not known, and where an output is not made of the inputs at all.

    Args:
        inputs: A tensor [B, ...], or a structure of them, that a forward pass was traced on.
        outputs: What it led to.
    """
    found = flow(inputs, outputs)
    reached = all(leaf.name in found.varying for leaf in tf.nest.flatten(outputs))
    return reached and all(_keeps_rows(op, found.places(op)) for op in found.ops)


def _keeps_rows(op: Any, places: list[int]) -> bool:
    ranks = {tensor.shape.rank for tensor in (*(op.inputs[i] for i in places), *op.outputs[:1])}
    if None in ranks or 0 in ranks:
        return False
    if op.type in _RULES:
        return _RULES[op.type](op, places)
    return len(ranks) == 1 and (op.type in _ROW_BY_ROW or is_convolution(op))


def _same_volume(op: Any, places: list[int]) -> bool:
    """Values keep their order, so that a row is the same as long as it is as long."""
    before, after = (list(tensor.shape[1:]) for tensor in (op.inputs[0], op.outputs[0]))
    return places == [0] and None not in before + after and prod(before) == prod(after)


def _inner(place: int) -> Callable[[Any, list[int]], bool]:
    """Whether the axes that an input lists are known, and the first is not one of them."""

    def inner(op: Any, places: list[int]) -> bool:
        axes = tf.get_static_value(op.inputs[place])
        return axes is not None and all(axis % op.inputs[0].shape.rank != 0 for axis in axes.reshape(-1))

    return inner


def _turned(op: Any, places: list[int]) -> bool:
    axes = tf.get_static_value(op.inputs[1])
    return axes is not None and bool(axes[0] == 0)


def _sliced(op: Any, places: list[int]) -> bool:
    first = [op.get_attr(f"{name}_mask") & 1 for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")]
    steps = tf.get_static_value(op.inputs[3])
    return places == [0] and first == [1, 1, 0, 0, 0] and steps is not None and bool(steps[0] == 1)


def _product(op: Any, places: list[int]) -> bool:
    return places == [0] and not op.get_attr("transpose_a")


def _products(op: Any, places: list[int]) -> bool:
    rank = op.outputs[0].shape.rank
    return bool(rank > 2) and all(op.inputs[i].shape.rank == rank for i in places)


def _summed(op: Any, places: list[int]) -> bool:
    read, made = op.get_attr("equation").decode().replace(" ", "").split("->")
    terms = read.split(",")
    return made[:1].isalpha() and all(terms[i][:1] == made[0] and terms[i].count(made[0]) == 1 for i in places)


_RULES: dict[str, Callable[[Any, list[int]], bool]] = {
    **dict.fromkeys(("Reshape", "Squeeze", "ExpandDims"), _same_volume),
    **dict.fromkeys(("Sum", "Mean", "Max", "Min"), _inner(1)),
    **dict.fromkeys(("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), _products),
    "ConcatV2": _inner(-1),
    "Transpose": _turned,
    "StridedSlice": _sliced,
    "MatMul": _product,
    "Einsum": _summed,
}
