"""Positions of the inputs in the order of their relevance; those of several inputs stand in one order."""

from math import prod
from typing import Any

from ..core import Tensor, dims, tf, to_positions, uniform
from ..core.draws import Key
from ..core.geometry import fitting
from ..errors import ModelError


def relevance(maps: Tensor, inputs: Tensor) -> Tensor:
    """Give the relevance of each position, [B, n]: an attribution's sum over channels, a location map resized.

    Of several inputs, the positions of one stand after those of the other; an input that no map lies on has none.
    """
    return tf.concat([_relevance(leaf, on) for leaf, on in lying(maps, inputs)], axis=1)


def lying(maps: Tensor, inputs: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Pair maps of one target with what they lie on: all inputs, or, where there is one map, one of them."""
    if tf.is_tensor(maps):
        return [(maps, fitting(maps[..., tf.newaxis], inputs))]
    return list(zip(tf.nest.flatten(maps), tf.nest.flatten(inputs), strict=True))


def position_count(maps: Tensor, inputs: Tensor) -> int:
    """Count the positions that have a relevance.

    Raises:
        ModelError: The input's size is not known.
    """
    sides = [side for _, leaf in lying(maps, inputs) for side in _sides(leaf)]
    if None in sides:
        raise ModelError("Positions are counted in inputs of a known size: trace the step with their whole shape.")
    return sum(prod(_sides(leaf)) for _, leaf in lying(maps, inputs))


def ranks(values: Tensor, key: Key) -> Tensor:
    """Give each position's place in descending order, [B, n] from 0; those of equal values are in a random order."""
    values = tf.where(values == 0, tf.zeros_like(values), values)  # XLA sorts -0.0 below 0.0
    shuffled = tf.argsort(uniform(tf.shape(values)[1:], key))
    order = tf.argsort(tf.gather(values, shuffled, axis=1), axis=1, direction="DESCENDING", stable=True)
    return tf.argsort(tf.gather(shuffled, order), axis=1)


def at_positions(chosen: Tensor, inputs: Tensor) -> Tensor:
    """Lay [B, n] out over the positions of one input, such that it broadcasts over its channels."""
    shape = dims(inputs)
    return tf.reshape(chosen, [*shape[:-1], 1] if len(shape) > 2 else shape)


def replaced(gone: Tensor, maps: Tensor, inputs: Tensor, fill: Tensor) -> Tensor:
    """Give the inputs with `fill`, which is like them, at the positions that are gone, [B, n] of booleans."""
    leaves, fills = tf.nest.flatten(inputs), tf.nest.flatten(fill)
    counts = [prod(_sides(leaf)) for _, leaf in lying(maps, inputs)]
    parts = iter(tf.split(gone, counts, axis=1))
    for _, mapped in lying(maps, inputs):
        i = next(i for i, leaf in enumerate(leaves) if leaf is mapped)
        leaves[i] = tf.where(at_positions(next(parts), mapped), fills[i], mapped)
    return tf.nest.pack_sequence_as(inputs, leaves)


def _relevance(maps: Tensor, inputs: Tensor) -> Tensor:
    located = to_positions(maps[..., tf.newaxis], inputs)
    if located.shape.rank == inputs.shape.rank + 1 and inputs.shape.rank > 2:
        located = tf.reduce_sum(located, axis=-2)
    return _flat(located[..., 0])


def _sides(inputs: Tensor) -> list[Any]:
    return list(inputs.shape[1:] if inputs.shape.rank == 2 else inputs.shape[1:-1])


def _flat(values: Tensor) -> Tensor:
    rows, *positions = dims(values)
    count: Any = 1
    for side in positions:
        count = count * side
    return tf.reshape(values, [rows, count])
