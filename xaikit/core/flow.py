"""What varies with the inputs on the way to the scores: the ops of a traced pass, without what is constant."""

from typing import Any, NamedTuple

from .explanation import Tensor
from .lazy import tf
from .passes import ancestors

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


def flow(inputs: Tensor, outputs: Tensor) -> Flow:
    """Follow `inputs`, a tensor or a structure of them, to the tensor `outputs` of the same graph."""
    leaves = tf.nest.flatten(inputs)
    varying = {leaf.name for leaf in leaves}
    made = {leaf.op.name for leaf in leaves}
    wanted = ancestors(outputs)
    ops = []
    for op in outputs.graph.get_operations():
        reads = op.name in wanted and op.name not in made and op.type not in _SHAPES
        if reads and any(source.name in varying for source in op.inputs):
            ops.append(op)
            varying.update(out.name for out in op.outputs)
    return Flow(ops, varying)
