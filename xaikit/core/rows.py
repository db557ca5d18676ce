"""Whether a model keeps its examples in rows, along the first axis, all the way: then one of them broadcasts."""

from math import prod
from typing import Any

from . import algebra
from .calls import is_convolution
from .explanation import Tensor
from .flow import Flow, flow
from .lazy import tf

_ROW_BY_ROW = algebra.ELEMENTWISE | {
    *("AddN", "BiasAdd", "Pad", "PadV2", "MirrorPad", "EnsureShape", "Softmax", "LogSoftmax", algebra.NORMALIZATION),
    *("Conv2D", "Conv3D", "DepthwiseConv2dNative", "AvgPool", "AvgPool3D", "MaxPool", "MaxPool3D"),
}
_SAME_ORDER = frozenset({"Reshape", "Squeeze", "ExpandDims"})
_OVER_AXES = frozenset({"Sum", "Mean", "Max", "Min"})


def in_rows(inputs: Tensor, outputs: Tensor) -> bool:
    """Whether every tensor between has an example in each row: what a row holds was made of the same rows before.

    Of an op that is not known to do so it is not said.

    Args:
        inputs: A tensor [B, ...], or a structure of them, that a forward pass was traced on.
        outputs: What it led to.
    """
    found = flow(inputs, outputs)
    return all(_keeps_rows(op, found) for op in found.ops)


def _keeps_rows(op: Any, found: Flow) -> bool:
    sources = [op.inputs[i] for i in found.places(op)]
    ranks = {tensor.shape.rank for tensor in (*sources, *op.outputs[:1])}
    if None in ranks or 0 in ranks:
        return False
    if op.type in _SAME_ORDER:
        return len(sources) == 1 and _volume(op.outputs[0]) == _volume(sources[0]) != -1
    if op.type in _OVER_AXES:
        axes = tf.get_static_value(op.inputs[1])
        return axes is not None and all(axis % sources[0].shape.rank != 0 for axis in axes.reshape(-1))
    if op.type == "MatMul":
        return found.places(op) == [0] and not op.get_attr("transpose_a")
    if op.type == "ConcatV2":
        axis = tf.get_static_value(op.inputs[-1])
        return axis is not None and len(ranks) == 1 and axis % sources[0].shape.rank != 0
    return len(ranks) == 1 and (op.type in _ROW_BY_ROW or is_convolution(op))  # one rank: no axis came before the rows


def _volume(tensor: Tensor) -> int:
    """How many values there are in a row; -1 where it is not known."""
    sides = list(tensor.shape[1:])
    return -1 if None in sides else prod(sides)
