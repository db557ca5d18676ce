"""What varies with the inputs on the way to the scores: the ops of a traced pass, without what is constant."""

from typing import Any, NamedTuple

from .explanation import Tensor
from .lazy import tf

_SHAPES = ("Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike")  # they read no values


class Flow(NamedTuple):
    """The ops that depend on the inputs and that a tensor depends on.

    Attributes:
        ops: In the order of making, so that an op comes after those that it reads.
        varying: The names of their outputs and of the inputs, of any type: what may be another value for other inputs.
    """

    ops: list[Any]
    varying: set[str]

    def places(self, op: Any) -> list[int]:
        """Which inputs of an op vary."""
        return [i for i, source in enumerate(op.inputs) if source.name in self.varying]

    def readers(self, tensor: Tensor) -> list[Any]:
        """Which ops of the flow read a tensor."""
        return [op for op in tensor.consumers() if any(out.name in self.varying for out in op.outputs)]


def flow(inputs: Tensor, outputs: Tensor, given: Tensor = ()) -> Flow:
    """Follow `inputs` to `outputs` of the same graph, each a tensor or a structure of them.

    What is `given`, such as targets, which may have been found by the same scores, counts as constant.
    """
    leaves, ends = tf.nest.flatten(inputs), tf.nest.flatten(outputs)
    varying = {leaf.name for leaf in leaves}
    wanted = behind(ends, {tensor.op.name for tensor in [*leaves, *tf.nest.flatten(given)]})
    ops = []
    for op in ends[0].graph.get_operations():
        if op.name in wanted and op.type not in _SHAPES and any(source.name in varying for source in op.inputs):
            ops.append(op)
            varying.update(out.name for out in op.outputs)
    return Flow(ops, varying)


def behind(ends: list[Tensor], stops: set[str]) -> set[str]:
    """Name the ops on the way to the ends, as far as the stops."""
    seen: set[str] = set()
    ahead = [end.op for end in ends]
    while ahead:
        op = ahead.pop()
        if op.name not in seen and op.name not in stops:
            seen.add(op.name)
            ahead.extend(source.op for source in op.inputs)
    return seen
