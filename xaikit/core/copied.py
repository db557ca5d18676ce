"""A forward pass that was traced before, made again on other inputs of the same shapes.

Its ops are imported as they are, which takes a fraction of the time of running Keras's layers again, or of making them
one by one, as `replays` does for a few.
"""

from dataclasses import replace
from typing import Any

from .explanation import Tensor
from .flow import behind
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
    wanted = [each for each in tensors if getattr(each, "graph", None) is made.graph]
    names = behind(wanted, {leaf.op.name for leaf in old})
    # what stands for tensors of a graph around this one, such as variables, is no op of the pass
    ops = [op for op in made.graph.get_operations() if op.name in names and op.type != "Placeholder"]
    if not all(map(_repeatable, ops)):
        return None
    known = _imported(ops, {before.name: after for before, after in zip(old, new, strict=True)})

    def moved(structure: Any) -> Any:
        return tf.nest.map_structure(
            lambda each: known.get(each.name, each) if getattr(each, "graph", None) is made.graph else each, structure
        )

    calls = tuple(call._replace(inputs=moved(call.inputs), outputs=moved(call.outputs)) for call in made.calls)
    return replace(
        made, outputs=moved(made.outputs), calls=calls, graph=tf.compat.v1.get_default_graph(), inputs=inputs
    )


def _imported(ops: list[Any], known: dict[str, Tensor]) -> dict[str, Tensor]:
    """Import ops into the current graph: `known`, and what was made, by the name of the tensor that it stands for."""
    if not ops:
        return known
    definition = tf.compat.v1.GraphDef(versions=ops[0].graph.graph_def_versions)
    definition.node.extend(op.node_def for op in ops)
    made = {out.name for op in ops for out in op.outputs}
    read = {source.name: known.get(source.name, source) for op in ops for source in op.inputs}
    given = {name: _here(tensor) for name, tensor in read.items() if name not in made}
    found = tf.graph_util.import_graph_def(
        definition, input_map=given, return_elements=[op.name for op in ops], name="again"
    )
    for op, fresh in zip(ops, found, strict=True):
        for before, after in zip(op.outputs, fresh.outputs, strict=True):
            after.set_shape(before.shape)  # layers may know more than their ops
            known[before.name] = after
    return known


def _here(tensor: Tensor) -> Tensor:
    """Give what stands for a tensor of a graph around the current one, as it is captured where an op reads it."""
    graph = tf.compat.v1.get_default_graph()
    return tensor if tensor.graph is graph else graph.capture(tensor)


def _within(graph: Any) -> bool:
    """Whether the current graph is this one, or inside of it."""
    here = tf.compat.v1.get_default_graph()
    while here is not None and here is not graph:
        here = getattr(here, "outer_graph", None)
    return here is not None


def _alike(one: Tensor, other: Tensor) -> bool:
    known = hasattr(other, "graph") and one.shape.rank is not None  # not an array
    return known and one.dtype == other.dtype and repr(one.shape) == repr(other.shape)


def _repeatable(op: Any) -> bool:
    """Whether an op means the same when it is made again by itself."""
    attributes = op.node_def.attr
    written = attributes[CUSTOM].s if CUSTOM in attributes else b""
    runs = any(value.HasField("func") or value.list.func for value in attributes.values())
    keeps = op.op_def is None or (op.op_def.is_stateful and op.type not in _READS)
    tied = "_class" in attributes or op.control_inputs or "xaikit-plugin-" in op.name
    return not (runs or keeps or tied or written.startswith(b"CustomGradient"))
