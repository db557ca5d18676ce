"""Ops made once more, on other inputs: how a part of a model is looked at by itself."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .explanation import Tensor
from .lazy import tf

CUSTOM = "_gradient_op_type"


def replayed(
    ops: Iterable[Any], known: dict[str, Tensor], *, custom: bool = True, wide: bool = False
) -> dict[str, Tensor]:
    """Make ops once more in the current graph.

    Args:
        ops: In the order of making.
        known: What is read instead of a tensor, by its name; what is not named is read as it is.
        custom: Whether ops keep gradients that were written for them.
        wide: Whether what computes in half precision computes in float32 now.

    Returns:
        `known`, and what was made, by the name of the tensor that it stands for.
    """
    known = dict(known)
    for op in ops:
        sources = [known.get(source.name, source) for source in op.inputs]
        for out, again in zip(op.outputs, _again(op, sources, custom, wide), strict=True):
            known[out.name] = again
    return known


def again(op: Any, changes: Mapping[int, Tensor]) -> list[Tensor]:
    """Make one op once more on other inputs, by their place; by its own gradient, and nothing in half precision."""
    return _again(op, [changes.get(i, source) for i, source in enumerate(op.inputs)], custom=False, wide=True)


def back_through(op: Any, places: Sequence[int], slopes: Mapping[int, Tensor]) -> list[Tensor]:
    """Send the slopes of an op's outputs back to some of its inputs, by the op's own gradient.

    Args:
        op: An op of a graph that is being traced, or of one around it.
        places: The inputs that are asked for.
        slopes: By the place of the output.

    Returns:
        Slopes of the inputs at `places`.
    """
    fresh = {i: tf.identity(widened(op.inputs[i])) for i in places}  # a leaf: tf.gradients looks at all that follows
    outputs = again(op, fresh)
    found = tf.gradients([outputs[i] for i in slopes], list(fresh.values()), grad_ys=list(slopes.values()))
    return [tf.convert_to_tensor(slope) for slope in found]


def _again(op: Any, sources: list[Tensor], custom: bool, wide: bool) -> list[Tensor]:
    kept = {
        name: value
        for name, value in op.node_def.attr.items()
        if not name.startswith("_") or (custom and name == CUSTOM)
    }
    types = [out.dtype for out in op.outputs]
    if wide:
        sources, types = [widened(source) for source in sources], [_wide_type(dtype) for dtype in types]
        kept = {name: _wide_attribute(value) for name, value in kept.items()}
    graph = tf.compat.v1.get_default_graph()
    return list(graph.create_op(op.type, sources, types, attrs=kept, name=op.name.split("/")[-1]).outputs)


def widened(tensor: Tensor) -> Tensor:
    """Give half precision as float32, and everything else as it is."""
    return tf.cast(tensor, tf.float32) if is_half(tensor) else tensor


def is_half(tensor: Tensor) -> bool:
    """Whether a tensor is in half precision."""
    return tensor.dtype in _halves()


def _wide_attribute(value: Any) -> Any:
    copy = type(value)()
    copy.CopyFrom(value)
    halves = [dtype.as_datatype_enum for dtype in _halves()]
    if copy.type in halves:
        copy.type = tf.float32.as_datatype_enum
    for i, dtype in enumerate(copy.list.type):
        if dtype in halves:
            copy.list.type[i] = tf.float32.as_datatype_enum
    return copy


def _wide_type(dtype: Any) -> Any:
    return tf.float32 if dtype in _halves() else dtype


def _halves() -> tuple[Any, ...]:
    return tf.float16, tf.bfloat16
