"""The head of a model: the ops between a layer's features and the scores, and whether they are a pooled linear map."""

from typing import Any, NamedTuple

from .explanation import Tensor
from .lazy import tf
from .passes import Pass, ancestors

_SEEN_THROUGH = ("Identity", "Cast", "Reshape", "Squeeze", "ExpandDims", "StopGradient")
_SUMS = ("AddV2", "Add", "Sub", "BiasAdd")
_PRODUCTS = ("MatMul", "BatchMatMulV2", "Mul", "RealDiv", "Conv1D", "Conv2D", "Conv3D", "Einsum")


class Head(NamedTuple):
    """What stands between features [B, *positions, K] and the scores.

    Attributes:
        obstacle: The first op that keeps it from being average pooling and linear layers, with what is wrong; or "".
        weighted: Whether there are weights in it, so that the features are not the class maps themselves.
    """

    obstacle: str
    weighted: bool


def head(made: Pass, features: Tensor, scores: Tensor) -> Head:
    """Look at the ops from `features` to `scores`, in the order in which they run."""
    ops = _between(made, features, scores)
    inside = {features.name} | {out.name for op in ops for out in op.outputs}
    pooled, weighted = False, False
    for op in ops:
        varying = [i for i, source in enumerate(op.inputs) if source.name in inside]
        if op.type in ("Mean", "AvgPool", "AvgPool3D") and not pooled:
            pooled = _averages_all(op)
            if not pooled and op.type != "Mean":
                return Head(f"{_named(op)} averages some positions and not all of them", weighted)
        elif op.type in _PRODUCTS and varying in ([0], [1]) and (op.type != "RealDiv" or varying == [0]):
            if not pooled and not _pointwise(op):
                return Head(f"{_named(op)} mixes positions before they are averaged", weighted)
            weighted = True
        elif op.type not in (*_SEEN_THROUGH, *_SUMS):
            return Head(f"{_named(op)} is neither", weighted)
    return Head("" if pooled else "it averages no positions", weighted)


def _between(made: Pass, features: Tensor, scores: Tensor) -> list[Any]:
    """List the ops that depend on the features and that the scores depend on, in the order of their making."""
    wanted = ancestors(scores)
    reached: set[str] = {features.name}
    ops = []
    for op in made.graph.get_operations():
        if op.name in wanted and op is not features.op and any(source.name in reached for source in op.inputs):
            values = [out.name for out in op.outputs if out.dtype.is_floating]
            if values:  # what computes a shape carries no features
                ops.append(op)
                reached.update(values)
    return ops


def _averages_all(op: Any) -> bool:
    """Whether every axis of positions is averaged, down to one position."""
    rank = op.inputs[0].shape.rank
    if op.type == "Mean":
        axes = tf.get_static_value(op.inputs[1])
        return axes is not None and {int(axis) % rank for axis in axes.ravel()} == set(range(1, rank - 1))
    return all(side == 1 for side in op.outputs[0].shape[1:-1])


def _pointwise(op: Any) -> bool:
    """Whether each position is weighed by itself: a 1x1 convolution, a factor, or a matrix over the last axis."""
    if op.type.startswith("Conv"):
        return all(side == 1 for side in op.inputs[1].shape[:-2])
    return op.type in ("Mul", "RealDiv") or op.inputs[0].shape.rank != 2


def _named(op: Any) -> str:
    return f"{op.type} ({op.name})"
