"""Indices of cells: figures of how scores depend on each, estimated from the scores of masked copies.

The scores of all copies are kept, [B, T] for each, and one map after the other is estimated from its own.
"""

from collections.abc import Callable
from typing import NamedTuple

from .cells import Cells
from .copies import Number, columns_of, dims
from .explanation import Explanation, Tensor
from .lazy import np, tf
from .masking import masked_scores
from .sampling import sampled
from .view import Model

_ULPS = 16


class Part(NamedTuple):
    """What is to be known of one input of the model.

    Attributes:
        cells: The cells of the input.
        rows: How many masked copies make a sample.
        copy: From the number of a copy to inputs, of which this one is masked.
        estimate: From one map's scores of all copies, [samples, rows], and the number of those that are taken, a
            scalar tensor, to an index for each cell, float64 [cells], and its standard error, [cells].
    """

    cells: Cells
    rows: int
    copy: Callable[[Number], Tensor]
    estimate: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def index_maps(
    model: Model,
    inputs: Tensor,
    targets: Tensor,
    scores: Tensor,
    parts: list[Part],
    samples: int,
    *,
    tolerance: float,
    method: str,
    size: int,
    most: int,
) -> Tensor:
    """Give the maps of `samples`, or of as many as `tolerance`, above 0, asks for: each position has its cell's index.

    Args:
        model: The view that `bind` received.
        inputs: [B, ...].
        targets: [B, T].
        scores: Those of the inputs, [B, T].
        parts: One for each input of the model.
        samples: How many samples, where there is no tolerance.
        tolerance: As for `sampling.until`, and so are the rest.
        method: Whose name a warning bears.
        size: Samples between two looks at the standard error.
        most: The most samples.

    Returns:
        Maps with the inputs' structure.
    """
    rows, columns = dims(tf.nest.flatten(inputs)[0])[0], columns_of(scores, targets)
    capacity = most if tolerance else samples

    def scored(part: Part, start: Number, count: int, kept: Tensor) -> Tensor:
        """Put the scores of some samples into their places."""
        first = start * part.rows
        found = masked_scores(model, inputs, targets, count * part.rows, lambda i: part.copy(first + i), like=scores)
        places = first + tf.range(count * part.rows)
        return tf.tensor_scatter_nd_update(kept, places[:, tf.newaxis], tf.transpose(found, [2, 0, 1]))

    def add(start: Number, count: int, state: list[Tensor]) -> list[Tensor]:
        return [scored(part, start, count, kept) for part, kept in zip(parts, state, strict=True)]

    def estimate(state: list[Tensor], taken: Tensor) -> tuple[Tensor, Tensor]:
        found = [_each_map(part, kept, taken) for part, kept in zip(parts, state, strict=True)]
        maps = [
            part.cells.to_maps(part.cells.spread(values), scores.dtype)
            for part, (values, _) in zip(parts, found, strict=True)
        ]
        return tf.nest.pack_sequence_as(inputs, maps), tf.reduce_max([errors for _, errors in found], axis=0)

    empty = [part.cells.empty(rows, columns, scores.dtype) for part in parts]
    return sampled(
        samples,
        tolerance,
        add,
        estimate,
        [tf.zeros([capacity * part.rows, rows, columns], scores.dtype) for part in parts],
        like=Explanation(scores, tf.nest.pack_sequence_as(inputs, empty)),
        room=capacity,  # masked_scores keeps to the budget
        method=method,
        size=size,
        most=most,
    )


def resolution(scores: Tensor) -> Tensor:
    """Give the difference, float64, below which scores are the same but for rounding."""
    widest = tf.cast(tf.reduce_max(tf.abs(scores)), tf.float64)
    return _ULPS * float(np.finfo(scores.dtype.as_numpy_dtype).eps) * widest


def draws_of(samples: int, draw: Callable[[Tensor], Tensor]) -> Tensor:
    """Give what `draw` makes of 0 to `samples` - 1: the same numbers, however many there are."""
    made = draw(tf.constant(0))
    return tf.map_fn(draw, tf.range(samples), fn_output_signature=tf.TensorSpec(made.shape, made.dtype))


def _each_map(part: Part, kept: Tensor, taken: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate for one example and target at a time: indices [B, T, cells], and the largest standard error, [B, T]."""
    count, rows, columns = dims(kept)
    flat = tf.reshape(tf.transpose(kept, [1, 2, 0]), [rows * columns, count // part.rows, part.rows])

    def one(scores: Tensor) -> tuple[Tensor, Tensor]:
        values, errors = part.estimate(scores, taken)
        return values, tf.reduce_max(errors)

    values, errors = tf.map_fn(
        one,
        flat,
        fn_output_signature=(tf.TensorSpec([part.cells.count], tf.float64), tf.TensorSpec([], tf.float64)),
        parallel_iterations=1,
    )
    return tf.reshape(values, [rows, columns, part.cells.count]), tf.reshape(errors, [rows, columns])
