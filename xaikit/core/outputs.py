"""The outputs of a model: their structure and names, and one of several, chosen by name or position."""

from typing import Any

from ..errors import TargetError
from .explanation import Tensor
from .lazy import keras, tf


def output_structure(model: Any) -> Tensor:
    """Give the symbolic outputs of a model in the structure that it returns, or None where it declares none."""
    if not getattr(model, "outputs", None):
        return None
    if isinstance(model, keras.Sequential):
        return model.outputs[0]
    structure = model.output
    # a list of one is what Keras itself returns as a bare tensor
    return structure[0] if isinstance(structure, (list, tuple)) and len(structure) == 1 else structure


def output_names(model: Any, outputs: Tensor) -> list[Any]:
    """Name the outputs in order: the keys of a dict, else what Keras calls them, else their positions."""
    if isinstance(outputs, dict):
        return list(outputs)
    count = len(outputs) if isinstance(outputs, (list, tuple)) else 1
    names = list(getattr(model, "output_names", None) or [])
    return names if len(names) == count else list(range(count))


def one_output(model: Any, outputs: Tensor, which: str | int) -> Tensor:
    """Give one of the outputs by its name or position.

    Raises:
        TargetError: There is none such, or several bear the name; it lists the names.
    """
    names = output_names(model, outputs)
    several = list(outputs.values()) if isinstance(outputs, dict) else outputs
    several = list(several) if isinstance(several, (list, tuple)) else [outputs]
    known = f"model {model.name!r} has {_counted(len(several))}, {', '.join(map(repr, names))}"
    if isinstance(which, int):
        if which >= len(several):
            raise TargetError(f"There is no output {which}: {known}, counted from 0.")
        return several[which]
    if names.count(which) > 1:
        raise TargetError(f"Several outputs are named {which!r}: {known}; give a position, counted from 0.")
    if which not in names:
        raise TargetError(f"There is no output named {which!r}: {known}.")
    return several[names.index(which)]


def class_output(model: Any, outputs: Tensor) -> Tensor:
    """Give the only output, [B, classes] or [B], or refuse outputs of which no index can pick one.

    Raises:
        TargetError: Several outputs, or one of another rank.
    """
    leaves = tf.nest.flatten(outputs)
    name = f"model {model.name!r}"
    if len(leaves) > 1:
        names = output_names(model, outputs)
        key = names[0] if isinstance(outputs, dict) else 0
        raise TargetError(
            f"{name} has several outputs ({', '.join(map(repr, names))}): give a target function, such as "
            f"lambda outputs: outputs[{key!r}][:, 0], or choose one, as in xaikit.targets.output({names[0]!r})."
        )
    shape = tuple(leaves[0].shape)
    if len(shape) not in (1, 2):
        raise TargetError(
            f"{name} gives outputs of shape ({', '.join(map(str, shape))}), of which no index picks one: give a target "
            "function that returns [B] or [B, T], or a helper of xaikit.targets, such as segment(2)."
        )
    return leaves[0]


def _counted(count: int) -> str:
    return "1 output" if count == 1 else f"{count} outputs"
