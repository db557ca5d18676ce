"""The logits behind a model's outputs, found on the traced ops: no layer is inspected, and none is changed."""

from collections.abc import Callable

from ..errors import ModelError
from .explanation import Tensor
from .lazy import tf
from .passes import SEEN_THROUGH

_HEADS = ("Softmax", "Sigmoid", "LogSoftmax")
CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def logits(outputs: Tensor) -> tuple[Tensor, bool]:
    """Give the tensor before the final softmax, log-softmax or sigmoid, and whether there was one.

    What stands between that op and the outputs (casts, reshapes, transposes) is done to the logits too, so they have
    the outputs' shape. Where no such op is found, the outputs themselves are given.

    Raises:
        ModelError: The outputs come out of a function call, whose ops cannot be seen.
    """
    replays: list[Callable[[Tensor], Tensor]] = []
    tensor = outputs
    while tensor.op.type in (*SEEN_THROUGH, "Transpose"):
        replays.append(_replay(tensor.op))
        tensor = tensor.op.inputs[0]
    if tensor.op.type in CALLS:
        raise ModelError(
            f"The outputs come out of the function {tensor.op.name!r}, where logits cannot be seen: ask for "
            "scores='outputs', or take the tf.function off inside the model."
        )
    if tensor.op.type not in _HEADS:
        return outputs, False
    found = tensor.op.inputs[0]
    for replay in reversed(replays):
        found = replay(found)
    return found, True


def are_probabilities(outputs: Tensor) -> bool:
    """Whether a softmax or a sigmoid makes the outputs; those of a log-softmax are logarithms.

    Raises:
        ModelError: The outputs come out of a function call, whose ops cannot be seen.
    """
    if not logits(outputs)[1]:
        return False
    tensor = outputs
    while tensor.op.type not in _HEADS:
        tensor = tensor.op.inputs[0]
    return bool(tensor.op.type != "LogSoftmax")


def _replay(op: Tensor) -> Callable[[Tensor], Tensor]:
    if op.type == "Cast":
        return lambda tensor: tf.cast(tensor, op.outputs[0].dtype)
    if op.type == "Reshape":
        return lambda tensor: tf.reshape(tensor, op.inputs[1])
    if op.type == "Transpose":
        return lambda tensor: tf.transpose(tensor, op.inputs[1])
    return lambda tensor: tensor
