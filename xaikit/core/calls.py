"""Calls that hide their ops: which of them are known all the same."""

from typing import Any

# Loops, branches and calls.
HIDING = frozenset({"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase", "PartitionedCall"})
HIDING |= {"StatefulPartitionedCall", "SymbolicGradient", "Enter", "Exit", "Switch", "Merge"}

_CONVOLUTION = frozenset({"Conv1D", "Conv2D", "Conv3D", "DepthwiseConv2dNative"})
_BESIDES = frozenset({"ReadVariableOp", "Identity", "NoOp", "Const"})


def is_convolution(op: Any) -> bool:
    """Whether a call holds a convolution and nothing else: Keras calls those with groups of channels so."""
    if op.type not in ("PartitionedCall", "StatefulPartitionedCall"):
        return False
    name = op.get_attr("f").name
    bodies = [body for body in op.graph.as_graph_def().library.function if body.signature.name == name]
    kinds = [node.op for body in bodies for node in body.node_def if node.op not in _BESIDES]
    return len(kinds) == 1 and kinds[0] in _CONVOLUTION
