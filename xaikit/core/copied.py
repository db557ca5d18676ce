"""A forward pass that was traced before, made again on other inputs of the same shapes.

Its ops are imported as they are, which takes a tenth of the time of running Keras's layers again.
"""

from dataclasses import replace
from typing import Any

from .explanation import Tensor
from .lazy import tf
from .passes import Pass
from .replays import CUSTOM

_READS = ("ReadVariableOp", "ResourceGather")  # ops with a state that do not change it


def copied(made: Pass, inputs: Tensor) -> Pass | None:
    """Make a pass again on other inputs, in the current graph.

    Args:
        made: Traced in the current graph or in one around it.
        inputs: In the same structure as those of `made`.

    Returns:
        The pass; None where it has to be traced: the shapes are others, or an op has a state of its own, runs a
        function or has a gradient that was written for this one.
    """
    old, new = tf.nest.flatten(made.inputs), tf.nest.flatten(inputs)
    if made.rows is not None or not _within(made.graph) or not all(map(_alike, old, new)):
        return None
    tensors = tf.nest.flatten([made.outputs, [(call.inputs, call.outputs) for call in made.calls]])
    wanted = {each.name: each for each in tensors if getattr(each, "graph", None) is made.graph}
    known = {before.name: _here(after) for before, after in zip(old, new, strict=True)}
    ops = _behind([each for name, each in wanted.items() if name not in known], known)
    if not all(map(_repeatable, ops)):
        return None
    known |= {op.outputs[0].name: _here(op.outputs[0]) for op in ops if op.type == "Placeholder"}
    known |= _again([op for op in ops if op.type != "Placeholder"], known)

    def moved(structure: Any) -> Any:
        return tf.nest.map_structure(
            lambda each: known[each.name] if getattr(each, "graph", None) is made.graph else each, structure
        )

    calls = tuple(call._replace(inputs=moved(call.inputs), outputs=moved(call.outputs)) for call in made.calls)
    return replace(
        made, outputs=moved(made.outputs), calls=calls, graph=tf.compat.v1.get_default_graph(), inputs=inputs
    )


def _again(ops: list[Any], known: dict[str, Tensor]) -> dict[str, Tensor]:
    """Import ops that read what is known, and give what was made, by the name of the tensor that it stands for."""
    if not ops:
        return {}
    definition = tf.compat.v1.GraphDef(versions=ops[0].graph.graph_def_versions)
    definition.node.extend(op.node_def for op in ops)
    read = {source.name for op in ops for source in op.inputs}
    given = {name: tensor for name, tensor in known.items() if name in read}
    found = tf.graph_util.import_graph_def(
        definition, input_map=given, return_elements=[op.name for op in ops], name="again"
    )
    made = {}
    for op, fresh in zip(ops, found, strict=True):
        for before, after in zip(op.outputs, fresh.outputs, strict=True):
            after.set_shape(before.shape)  # layers may know more than their ops
            made[before.name] = after
    return made


def _within(graph: Any) -> bool:
    """Whether the current graph is this one, or inside of it."""
    here = tf.compat.v1.get_default_graph()
    while here is not None and here is not graph:
        here = getattr(here, "outer_graph", None)
    return here is not None


def _alike(one: Tensor, other: Tensor) -> bool:
    known = hasattr(other, "graph") and one.shape.rank is not None  # not an array
    return known and one.dtype == other.dtype and repr(one.shape) == repr(other.shape)


def _behind(ends: list[Tensor], stops: dict[str, Tensor]) -> list[Any]:
    """List the ops that lead to some tensors, in the order of making, as far as the stops."""
    seen: dict[str, Any] = {}
    ahead = list(ends)
    while ahead:
        tensor = ahead.pop()
        op = tensor.op
        if tensor.name not in stops and op.name not in seen:
            seen[op.name] = op
            ahead.extend(op.inputs)
    return [op for op in ends[0].graph.get_operations() if op.name in seen] if ends else []


def _repeatable(op: Any) -> bool:
    """Whether an op means the same when it is made again by itself."""
    if op.type == "Placeholder":
        return True
    attributes = op.node_def.attr
    written = attributes[CUSTOM].s if CUSTOM in attributes else b""
    runs = any(value.HasField("func") or value.list.func for value in attributes.values())
    keeps = op.op_def is None or (op.op_def.is_stateful and op.type not in _READS)
    tied = "_class" in attributes or op.control_inputs or "xaikit-plugin-" in op.name
    return not (runs or keeps or tied or written.startswith(b"CustomGradient"))


def _here(tensor: Tensor) -> Tensor:
    """Give what stands for a tensor of a graph around the current one, as it is captured where an op reads it."""
    graph = tf.compat.v1.get_default_graph()
    return tensor if tensor.graph is graph else graph.capture(tensor)
