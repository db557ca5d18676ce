"""Positions of an input in the order of their relevance."""

from typing import Any

from ..core import Tensor, dims, tf, to_positions, uniform
from ..core.draws import Key


def relevance(maps: Tensor, inputs: Tensor) -> Tensor:
    """Give the relevance of each position, [B, n]: an attribution's sum over channels, a location map resized."""
    located = to_positions(maps[..., tf.newaxis], inputs)
    if located.shape.rank == inputs.shape.rank + 1 and inputs.shape.rank > 2:
        located = tf.reduce_sum(located, axis=-2)
    return _flat(located[..., 0])


def ranks(values: Tensor, key: Key) -> Tensor:
    """Give each position's place in descending order, [B, n] from 0; those of equal values are in a random order."""
    shuffled = tf.argsort(uniform(tf.shape(values)[1:], key))
    order = tf.argsort(tf.gather(values, shuffled, axis=1), axis=1, direction="DESCENDING", stable=True)
    return tf.argsort(tf.gather(shuffled, order), axis=1)


def at_positions(chosen: Tensor, inputs: Tensor) -> Tensor:
    """Lay [B, n] out over the positions of inputs, such that it broadcasts over their channels."""
    shape = dims(inputs)
    return tf.reshape(chosen, [*shape[:-1], 1] if len(shape) > 2 else shape)


def _flat(values: Tensor) -> Tensor:
    rows, *positions = dims(values)
    count: Any = 1
    for side in positions:
        count = count * side
    return tf.reshape(values, [rows, count])
