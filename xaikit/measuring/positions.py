"""The positions that maps lie on, of one input or of several, side by side."""

from typing import NamedTuple

from ..core import Tensor, tf
from ..core.geometry import fitting
from .ranking import relevance


class Mapped(NamedTuple):
    """One input that a map lies on.

    Attributes:
        number: Its place among the leaves of the inputs.
        maps: [B, *positions] or [B, *input_shape].
        inputs: [B, ...].
    """

    number: int
    maps: Tensor
    inputs: Tensor


def mapped(maps: Tensor, inputs: Tensor) -> list[Mapped]:
    """List the inputs that maps of one target lie on: all of them, or the one that a single location map fits.

    Raises:
        ModelError: The model has several inputs, and it is not plain on which of them the map lies.
    """
    leaves = tf.nest.flatten(inputs)
    if not tf.is_tensor(maps):
        return [Mapped(number, *pair) for number, pair in enumerate(zip(tf.nest.flatten(maps), leaves, strict=True))]
    chosen = fitting(maps[..., tf.newaxis], inputs)
    return [Mapped(number, maps, leaf) for number, leaf in enumerate(leaves) if leaf is chosen]


def relevances(maps: Tensor, inputs: Tensor) -> Tensor:
    """Give the relevance of every position, those of several inputs side by side: float64 [B, n]."""
    return tf.concat([tf.cast(relevance(one.maps, one.inputs), tf.float64) for one in mapped(maps, inputs)], axis=1)
