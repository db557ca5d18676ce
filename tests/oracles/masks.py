"""Masks rebuilt from the draws that methods make, and functions of them in plain NumPy."""

import numpy as np

from xaikit.core import tf
from xaikit.core.draws import uniform
from xaikit.core.geometry import resized


def drawn(count, shape, seed=0, number=0):
    """What is drawn for the samples 0 to `count` - 1 of one input: [count, *shape]."""

    def many():
        return tf.map_fn(
            lambda i: uniform(shape, (seed, i, number), tf.float64),
            tf.range(count),
            fn_output_signature=tf.TensorSpec(shape, tf.float64),
        )

    return tf.function(many, autograph=False)().numpy()


def cells_of(sides, counts):
    """The number of the cell of each position, [*sides], one position at a time."""
    numbers = np.zeros(sides, int)
    for place in np.ndindex(*sides):
        for at, side, count in zip(place, sides, counts, strict=True):
            numbers[place] = numbers[place] * count + at * count // side
    return numbers


def rise_mask(draws, sides, counts, keep):
    """Enlarge a grid of cells as a picture is resized, one cell more along each axis, and cut it out."""
    grid = (draws[: np.prod(counts)] < keep).reshape(counts)
    cell = [-(-side // count) for side, count in zip(sides, counts, strict=True)]
    size = [(count + 1) * one for count, one in zip(counts, cell, strict=True)]
    large = np.asarray(resized(grid[np.newaxis, ..., np.newaxis].astype("float32"), size))[0, ..., 0]
    starts = [int(draw * one) for draw, one in zip(draws[np.prod(counts) :], cell, strict=True)]
    return large[tuple(slice(start, start + side) for start, side in zip(starts, sides, strict=True))]


def blend(inputs, kept, fill=0.0):
    """Blend inputs [B, *positions, C] with what hides them, by shares [*positions]."""
    return kept[..., np.newaxis] * inputs + (1 - kept[..., np.newaxis]) * fill
