"""Gaussian blur along the axes of positions."""

from collections.abc import Sequence

from .explanation import Tensor
from .geometry import sides
from .lazy import tf

_NARROWEST = 0.01  # of a position: the neighbours' weights, exp(-5000), are 0 in every float


def blurred(values: Tensor, sigmas: Sequence[Tensor]) -> Tensor:
    """Blur [B, *positions, C] along each axis of positions in turn.

    At a border, the weights that are left add up to 1: a constant stays that constant.

    Args:
        values: Floats; where there are no positions, as in a table, they are given back.
        sigmas: The Gaussian's standard deviation along each axis, in positions, a number or a scalar tensor; 0 is the
            identity.
    """
    for axis, (side, sigma) in enumerate(zip(sides(values), sigmas, strict=True), start=1):
        near = _gaussian(side, tf.cast(sigma, values.dtype))
        front = tf.tensordot(near, values, [[1], [axis]])  # [side, B, ...]
        values = tf.transpose(front, [*range(1, axis + 1), 0, *range(axis + 1, values.shape.rank)])
    return values


def _gaussian(side: Tensor | int, sigma: Tensor) -> Tensor:
    """Give the weight of every position in every blurred one, [side, side]; rows add up to 1."""
    places = tf.range(tf.cast(side, sigma.dtype))
    narrow = tf.cast(tf.constant(_NARROWEST, tf.float64), sigma.dtype)
    away = (places[:, tf.newaxis] - places) / tf.maximum(sigma, narrow)
    near = tf.exp(-tf.square(away) / 2)
    return near / tf.reduce_sum(near, axis=1, keepdims=True)
