"""Segments of inputs: superpixels or the cells of a grid, the features of a table, the steps of a series.

They are the players that surrogate methods hide and keep together. Segments of one example are its own, and so is their
number; where it has fewer than there are places for, the last places are empty.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import prod
from typing import Any

from ..errors import ModelError
from .copies import dims
from .explanation import Tensor
from .host import on_host
from .lazy import np, tf
from .tracing import current, note

_COMPACTNESS = 10.0  # of SLIC, in colours of the Lab space, which reach to 100; a hundredth of it for values up to 1


@dataclass(frozen=True)
class Segments:
    """Which segment each position of each input belongs to.

    Attributes:
        labels: For each input, in the order of `tf.nest.flatten`: [*positions] where all examples have the same, else
            [B, *positions]. Numbers go on from input to input.
        count: How many there are places for, over all inputs.
        present: Which of them an example has, boolean, [1, count] or [B, count].
    """

    labels: tuple[Tensor, ...]
    count: int
    present: Tensor


def segmented(inputs: Tensor, asked: int) -> Segments:
    """Cut pictures and volumes into about `asked` segments, never more; tables and series into features and steps.

    Pictures and volumes have the superpixels of scikit-image where it is installed, else the cells of a grid: the note
    "segments" says which.

    Raises:
        ModelError: The size of an input is not known.
    """
    leaves = tf.nest.flatten(inputs)
    parts = [_labelled(leaf, asked) for leaf in leaves]
    own = [labels.shape.rank > len(_positions(leaf)) for (labels, _), leaf in zip(parts, leaves, strict=True)]
    rows = dims(leaves[0])[0] if any(own) else 1
    labels, present, count = [], [], 0
    for (numbers, places), each in zip(parts, own, strict=True):
        labels.append(numbers + count)
        last = tf.reduce_max(numbers, axis=range(1, numbers.shape.rank)) if each else tf.fill([rows], places - 1)
        present.append(tf.range(places) <= last[:, tf.newaxis])
        count += places
    return Segments(tuple(labels), count, tf.concat(present, axis=1))


def hidden(inputs: Tensor, fill: Tensor, kept: Tensor, segments: Segments) -> Tensor:
    """Make copies of the inputs in which the segments that are not kept take the values of `fill`.

    Args:
        inputs: [B, ...].
        fill: What hidden values become, like `inputs`.
        kept: [1, n, count] or [B, n, count], boolean: coalitions of segments.
        segments: Of the inputs.

    Returns:
        Inputs like `inputs`, [B * n, ...]: the n copies of an example lie side by side.
    """
    size = dims(kept)[1]

    def copies(leaf: Tensor, other: Tensor, labels: Tensor) -> Tensor:
        own = labels.shape.rank > len(_positions(leaf))
        seen = tf.gather(kept, labels, axis=2, batch_dims=1 if own else 0)  # [1 or B, n, *positions]
        seen = seen if leaf.shape.rank == 2 else seen[..., tf.newaxis]
        rows, *rest = dims(leaf)
        return tf.reshape(tf.where(seen, leaf[:, tf.newaxis], other[:, tf.newaxis]), [rows * size, *rest])

    made = map(copies, tf.nest.flatten(inputs), tf.nest.flatten(fill), segments.labels)
    return tf.nest.pack_sequence_as(inputs, list(made))


def placed(values: Tensor, segments: Segments, inputs: Tensor) -> Tensor:
    """Give each position the value of its segment: [B, count, T] to [B, *positions, T], in the inputs' structure."""

    def one(leaf: Tensor, labels: Tensor) -> Tensor:
        if labels.shape.rank > len(_positions(leaf)):
            return tf.gather(values, labels, axis=1, batch_dims=1)
        return tf.gather(values, labels, axis=1)

    return tf.nest.pack_sequence_as(inputs, list(map(one, tf.nest.flatten(inputs), segments.labels)))


def sizes(segments: Segments, inputs: Tensor) -> Tensor:
    """Count the positions of each segment, float64, [1 or B, count]; 0 where it is not present."""

    def one(leaf: Tensor, labels: Tensor) -> Tensor:
        rows = dims(labels)[0] if labels.shape.rank > len(_positions(leaf)) else 1
        flat = tf.reshape(labels, [rows, -1]) + segments.count * tf.range(rows)[:, tf.newaxis]
        ones = tf.ones_like(flat, tf.float64)
        return tf.reshape(tf.math.unsorted_segment_sum(ones, flat, rows * segments.count), [rows, segments.count])

    parts = map(one, tf.nest.flatten(inputs), segments.labels)
    return sum(parts, tf.zeros([1, segments.count], tf.float64))


def _positions(leaf: Tensor) -> list[Any]:
    """The sides of one input; a table's features are its positions."""
    return list(leaf.shape[1:] if leaf.shape.rank == 2 else leaf.shape[1:-1])


def _labelled(leaf: Tensor, asked: int) -> tuple[Tensor, int]:
    """Number the segments of one input from 0; give the labels, and how many places there are."""
    shape = _positions(leaf)
    if None in shape:
        raise ModelError("Segments are laid over inputs of a known size: trace the step with their whole shape.")
    if len(shape) == 1:
        return tf.range(shape[0]), shape[0]
    cells = grid(shape, asked)
    if current().only_shapes:
        return tf.constant(_laid(shape, cells)), prod(cells)
    if asked >= prod(shape) or len(shape) > 3 or not available():
        note("segments", f"grid of {' x '.join(map(str, cells))}")
        return tf.constant(_laid(shape, cells)), prod(cells)
    note("segments", "superpixels of scikit-image")
    work = partial(_superpixels, asked=asked)
    return on_host(work, leaf, tf.int32, [leaf.shape[0], *shape], "the superpixels of scikit-image"), asked


def available() -> bool:
    """Whether scikit-image is installed."""
    return find_spec("skimage") is not None


def grid(shape: list[int], asked: int) -> list[int]:
    """Say into how many cells each side is cut: at most `asked` in all, each about as long as it is wide."""
    cells, left = [0] * len(shape), float(asked)
    order = sorted(range(len(shape)), key=lambda axis: shape[axis])
    for done, axis in enumerate(order):
        sides = [shape[other] for other in order[done:]]
        fair = shape[axis] * (left / prod(sides)) ** (1 / len(sides))
        cells[axis] = min(shape[axis], max(1, int(fair + 1e-9)))
        left /= cells[axis]
    return cells


def _laid(shape: list[int], cells: list[int]) -> Any:
    """Number the cells of a grid, [*positions]; sides that do not divide have cells that differ by one position."""
    labels = np.zeros(shape, np.int32)
    for axis, (side, count) in enumerate(zip(shape, cells, strict=True)):
        along = np.arange(side) * count // side
        labels = labels * count + along.reshape([-1 if other == axis else 1 for other in range(len(shape))])
    return labels.astype(np.int32)


def _superpixels(examples: Any, asked: int) -> Any:
    """Number the superpixels of each example by itself, [B, *positions]; examples are cut side by side."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return np.stack(list(pool.map(partial(_slic, asked=asked), examples)))


def _slic(example: Any, asked: int) -> Any:
    """Cut one example by SLIC, [*positions].

    Noise breaks superpixels into pieces that are dropped, and small pictures leave little to choose: shape then counts
    for more against colour, and in the end a grid has the number that was asked for.
    """
    from skimage.segmentation import slic

    colours = example.shape[-1] == 3
    low, high = (np.float64(reduce(example)) for reduce in (np.min, np.max))
    unit = (example - low) / max(high - low, np.finfo(np.float64).tiny)
    for compactness in (1, 3, 10):
        for share in (1.0, 0.8, 0.6):
            labels = slic(
                unit,
                n_segments=max(1, round(share * asked)),
                compactness=compactness * _COMPACTNESS * (1 if colours else 0.01),
                convert2lab=colours,
                channel_axis=-1,
                start_label=0,
            )
            names, labels = np.unique(labels, return_inverse=True)
            if asked <= 2 * len(names) and len(names) <= asked:
                return labels.reshape(example.shape[:-1]).astype(np.int32)
    return _laid(list(example.shape[:-1]), grid(list(example.shape[:-1]), asked))
