"""Ops of a traced graph, made again on other inputs: forwards, or backwards by their own gradients.

Half precision is left out: everything is computed in single, or where the op has it double, precision.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .explanation import Tensor
from .lazy import tf


def wide(tensor: Tensor) -> Tensor:
    """Cast halves to float32, and leave float32, float64 and whole numbers as they are."""
    return tf.cast(tensor, tf.float32) if tensor.dtype in _halves() else tensor


def again(op: Any, changes: Mapping[int, Tensor]) -> list[Tensor]:
    """Make an op once more, with the same attributes.

    Args:
        op: An op of a graph that is being traced, or of one around it.
        changes: Other inputs, by their place; the rest are the op's own.

    Returns:
        Its outputs.
    """
    if op.type == "Cast":  # it says its type in an attribute: what is wide stays wide
        return [changes.get(0, wide(op.inputs[0]))]
    inputs = [changes.get(i, wide(source)) for i, source in enumerate(op.inputs)]
    known = op.node_def.attr  # of these, what the op's type declares: a layer's own gradient is named there too
    attributes = {item.name: _wide_attribute(known[item.name]) for item in op.op_def.attr if item.name in known}
    types = [tf.float32 if out.dtype in _halves() else out.dtype for out in op.outputs]
    graph = tf.compat.v1.get_default_graph()
    return list(graph.create_op(op.type, inputs, types, attrs=attributes, op_def=op.op_def).outputs)


def _halves() -> tuple[Any, ...]:
    return tf.float16, tf.bfloat16


def _wide_attribute(value: Any) -> Any:
    """Put float32 for half precision in an attribute that says a type, or several."""
    changed = type(value)()
    changed.CopyFrom(value)
    halves = {dtype.as_datatype_enum for dtype in _halves()}
    if changed.type in halves:
        changed.type = tf.float32.as_datatype_enum
    for i, number in enumerate(changed.list.type):
        if number in halves:
            changed.list.type[i] = tf.float32.as_datatype_enum
    return changed


def back_through(op: Any, places: Sequence[int], slopes: Mapping[int, Tensor]) -> list[Tensor]:
    """Send the slopes of an op's outputs back to some of its inputs, by the op's own gradient.

    Args:
        op: As for `again`.
        places: The inputs that are asked for.
        slopes: By the place of the output.

    Returns:
        Slopes of the inputs at `places`.
    """
    fresh = {i: tf.identity(wide(op.inputs[i])) for i in places}  # a leaf: tf.gradients looks at all that follows it
    outputs = again(op, fresh)
    found = tf.gradients([outputs[i] for i in slopes], list(fresh.values()), grad_ys=list(slopes.values()))
    return [tf.convert_to_tensor(slope) for slope in found]
