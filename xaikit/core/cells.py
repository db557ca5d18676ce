"""Cells: neighbouring positions of an input that a perturbation keeps or hides together."""

from dataclasses import dataclass
from math import prod
from typing import Any

from ..errors import ModelError
from .copies import Number, dims
from .draws import Key, uniform
from .explanation import Tensor
from .lazy import np, tf


@dataclass(frozen=True)
class Cells:
    """Cells laid over the positions of one input, numbered along the last axis first.

    Attributes:
        sides: How many positions there are along each axis.
        counts: How many cells, at most as many.
    """

    sides: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many cells there are in all."""
        return prod(self.counts)

    def spread(self, values: Tensor) -> Tensor:
        """Give each position the value of its cell: [..., cells] to [..., *positions]."""
        places = [np.arange(side) * count // side for side, count in zip(self.sides, self.counts, strict=True)]
        numbers = np.ravel_multi_index(np.meshgrid(*places, indexing="ij"), self.counts)
        return tf.gather(values, tf.constant(numbers, tf.int32), axis=-1)

    def empty(self, rows: Number, columns: Number, dtype: Any) -> Tensor:
        """Make maps of zeros, [B, *positions, T]."""
        return tf.zeros([rows, *self.sides, columns], dtype)

    def to_maps(self, values: Tensor, dtype: Any) -> Tensor:
        """Bring [B, T, positions], flat or not, to maps [B, *positions, T]."""
        rows, columns = dims(values)[:2]
        apart = tf.reshape(values, [rows, columns, *self.sides])
        return tf.cast(tf.transpose(apart, [0, *range(2, apart.shape.rank), 1]), dtype)


def lay_cells(inputs: Any, cells: int, method: str) -> Cells:
    """Lay cells over one input: `cells` along each axis of pictures and volumes, where there are as many positions.

    A table's features and a series' steps are cells by themselves.

    Raises:
        ModelError: The input's size is not known.
    """
    sides = inputs.shape[1:] if inputs.shape.rank == 2 else inputs.shape[1:-1]
    if None in sides:
        raise ModelError(f"{method} lays cells over inputs of a known size: trace its step with their whole shape.")
    alone = len(sides) == 1
    return Cells(tuple(sides), tuple(side if alone else min(cells, side) for side in sides))


def enlarged_mask(cells: Cells, keep: float, key: Key) -> Tensor:
    """Keep or hide each cell by chance, enlarge the grid bilinearly by a cell and cut it out at a random place.

    Cells that are positions by themselves are neither enlarged nor shifted.

    Args:
        cells: The grid; a cell's side is rounded up, so that what is cut out lies inside.
        keep: How likely it is that a cell is kept.
        key: (seed, *numbers).

    Returns:
        Float64 [*positions], in [0, 1].
    """
    draws = uniform([cells.count + len(cells.sides)], key, tf.float64)
    mask = tf.cast(tf.reshape(draws[: cells.count], cells.counts) < keep, tf.float64)
    if cells.counts == cells.sides and len(cells.sides) == 1:
        return mask
    for axis, (side, count) in enumerate(zip(cells.sides, cells.counts, strict=True)):
        one = -(-side // count)
        shift = tf.floor(draws[cells.count + axis] * one)
        places = (tf.range(side, dtype=tf.float64) + shift + 0.5) * count / ((count + 1) * one) - 0.5
        far = tf.clip_by_value(places, 0, count - 1) - tf.range(count, dtype=tf.float64)[:, tf.newaxis]
        mask = tf.tensordot(mask, tf.nn.relu(1 - tf.abs(far)), [[0], [0]])  # its axis off the front, put last
    return mask


def blended(inputs: Tensor, kept: Tensor, fill: Tensor) -> Tensor:
    """Blend one input with what hides it: kept * inputs + (1 - kept) * fill.

    Args:
        inputs: [B, *positions, C], or a table, [B, F].
        kept: [*positions] or [n, 1, *positions], in [0, 1]; whole numbers, which cannot be blended, are kept where it
            is at least one half.
        fill: Like the inputs.

    Returns:
        Like the inputs, or n times that, [n, B, ...].
    """
    kept = kept if inputs.shape.rank == 2 else kept[..., tf.newaxis]
    if not inputs.dtype.is_floating:
        return tf.where(kept >= 0.5, inputs, fill)
    kept = tf.cast(kept, inputs.dtype)
    return kept * inputs + (1 - kept) * fill


def replaced(inputs: Tensor, number: int, leaf: Tensor) -> Tensor:
    """Give the inputs with another one in the place of a number: of several inputs one is masked at a time."""
    leaves = list(tf.nest.flatten(inputs))
    leaves[number] = leaf
    return tf.nest.pack_sequence_as(inputs, leaves)
