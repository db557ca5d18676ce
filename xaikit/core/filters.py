"""What is done to raw maps, as functions of tensors: the transformers of the same names are made of these."""

from typing import Literal

from .explanation import Tensor
from .geometry import is_location, to_positions
from .lazy import tf

How = Literal["max", "mean", "sum", "l2"]
Show = Literal["auto", "for", "size", "signed"]


def positive_part(maps: Tensor) -> Tensor:
    """Keep max(x, 0)."""
    return tf.maximum(maps, tf.zeros([], maps.dtype))


def negative_part(maps: Tensor) -> Tensor:
    """Keep min(x, 0)."""
    return tf.minimum(maps, tf.zeros([], maps.dtype))


def to_unit_range(maps: Tensor) -> Tensor:
    """Bring each example's map of each target, [B, ..., T], to [0, 1]; a constant one becomes 0."""
    half = maps / 2  # the range of halves cannot overflow
    low = tf.reduce_min(half, axis=_inner(maps), keepdims=True)
    span = tf.reduce_max(half, axis=_inner(maps), keepdims=True) - low
    return tf.math.divide_no_nan(half - low, span)


def to_signed_range(maps: Tensor) -> Tensor:
    """Divide each example's map of each target by its largest size: in [-1, 1], and 0 stays 0."""
    return tf.math.divide_no_nan(maps, tf.reduce_max(tf.abs(maps), axis=_inner(maps), keepdims=True))


def channels_reduced(maps: Tensor, inputs: Tensor, how: How) -> Tensor:
    """Reduce input-shaped maps [B, *positions, C, T] over C; location maps, and those of tables, pass."""
    if is_location(maps, inputs):
        return maps
    if how == "l2":
        return tf.norm(maps, axis=-2)
    reduce = {"max": tf.reduce_max, "mean": tf.reduce_mean, "sum": tf.reduce_sum}[how]
    return reduce(maps, axis=-2)


def to_heat(maps: Tensor, inputs: Tensor, show: Show = "auto") -> Tensor:
    """Make maps to look at, [B, *input positions, T]: the one convention, that `heatmap` documents."""
    located = maps.shape.rank == inputs.shape.rank and inputs.shape.rank > 2
    if show == "size" or (show == "auto" and not located):
        return to_unit_range(to_positions(channels_reduced(tf.abs(maps), inputs, "max"), inputs))
    reduced = channels_reduced(maps, inputs, "sum")
    if show == "signed":
        return to_signed_range(to_positions(reduced, inputs))
    return to_unit_range(to_positions(positive_part(reduced), inputs))


def _inner(maps: Tensor) -> list[int]:
    return list(range(1, maps.shape.rank - 1))
