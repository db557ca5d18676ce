"""Where the channels of inputs stand in the user's own arrays.

Inside of xaikit they come last, [B, *positions, C], whatever the user's model takes: what it is fed is laid out anew
just before the call, and maps are laid out as the user's inputs on the way back. So nothing in between needs to know.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from ..errors import InputError, UsageError
from .explanation import Tensor
from .lazy import np, tf

Channels = Literal["last", "first", "none"]


class Layout(NamedTuple):
    """How the arrays of an explanation are to be read.

    Attributes:
        spec: The inputs as the explainer saw them, `tf.TensorSpec` [None, ...], channels last.
        channels: Where the user's inputs, and input-shaped maps, have the channels.
        located: Whether the maps are location maps; None where they come in a structure.
    """

    spec: Any
    channels: Channels
    located: bool | None


def check_channels(channels: Any) -> None:
    """Refuse what is no layout.

    Raises:
        UsageError: It is not "last", "first" or "none".
    """
    if channels not in ("last", "first", "none"):
        raise UsageError(f"channels must be 'last', 'first' or 'none', not {channels!r}.")


def inward(array: Any, channels: Channels) -> Any:
    """Lay an input's array out with its channels last: [B, C, *positions] or [B, *positions] to [B, *positions, C].

    Tables have no positions, and whole numbers [B, L] are tokens: both stay as they are, but [B, L] of floats without
    channels is a series.

    Raises:
        InputError: It has no axis that could be one of channels.
    """
    if channels == "first" and array.ndim > 2:
        return np.moveaxis(array, 1, -1)
    if channels == "none" and (array.ndim > 2 or (array.ndim == 2 and array.dtype.kind not in "iu")):
        return array[..., np.newaxis]
    if channels == "none" and array.ndim == 1:
        raise InputError("Inputs without channels must have positions, [B, L] or more axes, not the batch axis alone.")
    return array


def outward(inputs: Tensor, channels: Channels) -> Tensor:
    """Lay tensors out as the user's model takes them: the inverse of `inward`."""
    return inputs if channels == "last" else tf.nest.map_structure(lambda leaf: _outward(leaf, channels), inputs)


def _outward(leaf: Tensor, channels: Channels) -> Tensor:
    rank = leaf.shape.rank
    if rank < 3:
        return leaf
    return tf.transpose(leaf, [0, rank - 1, *range(1, rank - 1)]) if channels == "first" else tf.squeeze(leaf, [-1])


def inward_spec(spec: Tensor, channels: Channels) -> Tensor:
    """Give the `tf.TensorSpec`s of inputs laid out with their channels last."""

    def one(leaf: Any) -> Any:
        shape = list(leaf.shape)
        if channels == "first" and len(shape) > 2:
            shape = [shape[0], *shape[2:], shape[1]]
        elif channels == "none" and (len(shape) > 2 or not leaf.dtype.is_integer):
            shape = [*shape, 1]
        return tf.TensorSpec(shape, leaf.dtype)

    return spec if channels == "last" else tf.nest.map_structure(one, spec)


def example_shape(spec: Any, channels: Channels) -> list[int | None]:
    """Give the shape of one example as the user has it; the spec of its input has the channels last."""
    shape = list(spec.shape[1:])
    if len(shape) < 2 or channels == "last":
        return shape
    return [shape[-1], *shape[:-1]] if channels == "first" else shape[:-1]


def examples_inward(values: Any, spec: Any, channels: Channels) -> Any:
    """Lay an array like one example of an input, or like several, [M, ...], out with its channels last."""
    if spec.shape.rank < 3 or channels == "last":
        return values
    first = values.ndim - len(example_shape(spec, channels))  # 1 where there are several
    return np.moveaxis(values, first, -1) if channels == "first" else values[..., np.newaxis]


def maps_outward(maps: Any, inputs: Any, channels: Channels) -> Any:
    """Lay input-shaped maps, arrays [B, *positions, C, T], out as the user's inputs; location maps stay.

    Args:
        maps: In the inputs' structure, or one array, or a list of either.
        inputs: What was explained, its channels last, of which the ranks count.
        channels: The user's layout.
    """
    if channels == "last":
        return maps
    return _over(maps, inputs, lambda one, of: _map_outward(one, of, channels))


def _over(maps: Any, inputs: Any, change: Callable[[Any, Any], Any]) -> Any:
    leaves = tf.nest.flatten(inputs)
    if not tf.nest.is_nested(maps):
        # of several inputs a single map lies at the positions of one
        return change(maps, leaves[0]) if len(leaves) == 1 else maps
    if tf.nest.is_nested(inputs):
        try:
            tf.nest.assert_same_structure(maps, inputs)
        except (TypeError, ValueError):
            pass
        else:
            return tf.nest.map_structure(change, maps, inputs)
    return type(maps)(_over(one, inputs, change) for one in maps)


def _map_outward(maps: Any, inputs: Any, channels: Channels) -> Any:
    if inputs.ndim < 3 or maps.ndim != inputs.ndim + 1:
        return maps
    return np.moveaxis(maps, -2, 1) if channels == "first" else maps[..., 0, :]


def maps_inward(maps: Any, layout: Layout) -> Any:
    """Lay maps of one input out with the channels last: the inverse of `maps_outward`."""
    if layout.channels == "last" or layout.located or layout.spec.shape.rank < 3:
        return maps
    return np.moveaxis(maps, 1, -2) if layout.channels == "first" else maps[..., np.newaxis, :]


def inputs_inward(inputs: Any, layout: Layout) -> Any:
    """Lay one input out with the channels last, whatever the type of its numbers."""
    if layout.channels == "first":
        return inward(inputs, "first")
    return inputs[..., np.newaxis] if inputs.ndim == layout.spec.shape.rank - 1 else inputs
