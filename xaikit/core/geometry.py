"""Positions: how many axes of them there are, and maps brought from one grid of positions to another.

Inputs are [B, *positions, C] with the channels last; a table, [B, F], has none. Maps are location maps,
[B, *positions, T], or input-shaped, [B, *positions, C, T].
"""

from collections.abc import Callable
from typing import Any, Literal

from ..errors import ModelError
from .explanation import Tensor
from .lazy import tf

ResizeMethod = Literal["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]


def is_location(maps: Tensor, inputs: Tensor) -> bool:
    """Whether `maps` are location maps of `inputs`; a table's maps are both kinds, and count as location maps."""
    return bool(maps.shape.rank == inputs.shape.rank or inputs.shape.rank == 2)


def sides(tensor: Tensor) -> list[Any]:
    """Give the number of positions along each axis of [B, *positions, C], as numbers where they are known."""
    dynamic = tf.shape(tensor)
    return [side if side is not None else dynamic[i] for i, side in enumerate(tensor.shape[1:-1], start=1)]


def resized(values: Tensor, size: list[Any], method: ResizeMethod = "bilinear") -> Tensor:
    """Bring [B, *positions, N] to `size` positions, one, two or three axes of them; the same size is the identity.

    Positions are the centres of their cells, so that a mirrored map is resized to the mirrored result. TensorFlow
    interpolates in float32, whatever the type of the values.
    """
    known = list(values.shape[1:-1])
    if known == list(size) and None not in known:
        return values
    if len(size) == 1:
        return _images(values[:, :, tf.newaxis], [size[0], 1], method)[:, :, 0]
    if len(size) == 2:
        return _images(values, size, method)
    if len(size) == 3:
        return _volumes(values, size, method)
    raise ModelError(f"Maps with {len(size)} axes of positions cannot be resized: 1, 2 or 3 can.")


def _images(values: Tensor, size: list[Any], method: ResizeMethod) -> Tensor:
    shape = [values.shape[0], *[side if isinstance(side, int) else None for side in size], values.shape[-1]]
    dtype = values.dtype
    result = tf.cast(tf.image.resize(values, size, method=method), dtype)
    result.set_shape(shape)
    return result


def _volumes(values: Tensor, size: list[Any], method: ResizeMethod) -> Tensor:
    """Resize depth by itself, then height and width: the methods work along each axis in turn."""
    depth, height, width = sides(values)
    channels = values.shape[-1] if values.shape[-1] is not None else tf.shape(values)[-1]
    # planes stand as channels: methods that blur what keeps its size mix what is no neighbour otherwise
    flat = tf.reshape(values, [-1, depth, 1, height * width * channels])
    deep = _images(flat, [size[0], 1], method)
    planes = tf.reshape(deep, [-1, height, width, channels])
    return tf.reshape(resized(planes, size[1:], method), [-1, *size, channels])


def to_positions(maps: Tensor, inputs: Tensor, method: ResizeMethod = "bilinear") -> Tensor:
    """Bring maps, of either kind, to the positions of `inputs`; those of a table are there already."""
    if inputs.shape.rank == 2:
        return maps
    if is_location(maps, inputs):
        return resized(maps, sides(inputs), method)
    known = list(maps.shape[1:-2])
    if known == list(inputs.shape[1:-1]) and None not in known:
        return maps
    return _each_channel(maps, lambda flat: resized(flat, sides(inputs), method))


def mirrored(values: Tensor, axis: int) -> Tensor:
    """Turn values around along `axis`."""
    return tf.reverse(values, axis=[axis])


def _each_channel(maps: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change [B, *positions, C, T] as if it were [B, *positions, C * T]."""
    tail = tf.shape(maps)[-2:]
    flat = tf.reshape(maps, tf.concat([tf.shape(maps)[:-2], [tf.reduce_prod(tail)]], axis=0))
    flat.set_shape([*maps.shape[:-2], None])
    changed = change(flat)
    result = tf.reshape(changed, tf.concat([tf.shape(changed)[:-1], tail], axis=0))
    result.set_shape([*changed.shape[:-1], *maps.shape[-2:]])
    return result


def fitting(maps: Tensor, inputs: Tensor) -> Tensor:
    """Give the input that location maps lie on, of a model with several: the only one of their rank.

    Raises:
        ModelError: No input has that rank, or several have.
    """
    leaves = tf.nest.flatten(inputs)
    same = [leaf for leaf in leaves if leaf.shape.rank == maps.shape.rank]
    if len(leaves) == 1:
        return leaves[0]
    if len(same) != 1:
        raise ModelError("The model has several inputs, and it is not plain on which of them these maps lie.")
    return same[0]


def map_maps(change: Callable[[Tensor, Tensor], Tensor], maps: Tensor, inputs: Tensor) -> Tensor:
    """Apply `change(maps, inputs)` to each pair: maps with the inputs' structure, or one map of one of the inputs."""
    if tf.is_tensor(maps):
        return change(maps, fitting(maps, inputs))
    return tf.nest.map_structure(change, maps, inputs)
