"""Coalitions of segments: which ones are kept, and what the model says of an example of which no more is seen.

A coalition is known by its number. It is the same for every example that has as many segments.
"""

from collections.abc import Callable

from .copies import dims
from .draws import bits
from .explanation import Tensor
from .lazy import tf
from .segments import Segments, hidden
from .view import Model, forward

Sizes = Callable[[Tensor, Tensor], Tensor]


def every(numbers: Tensor, present: Tensor) -> Tensor:
    """Give coalitions in the order of their binary numbers, from 1 up: [1 or B, n, count], boolean.

    Args:
        numbers: [n], from 0.
        present: Which segments there are, [1 or B, count]; the others are never kept.
    """
    places = tf.range(dims(present)[1])
    kept = tf.bitwise.right_shift(numbers[:, tf.newaxis] + 1, places) % 2 == 1
    return tf.logical_and(kept, present[:, tf.newaxis])


def drawn(numbers: Tensor, present: Tensor, sizes: Sizes, seed: int) -> Tensor:
    """Draw coalitions, all those of a size alike: [1 or B, n, count], boolean.

    Args:
        numbers: [n], whose draws these are.
        present: Which segments there are, [1 or B, count]; the others are never kept.
        sizes: From draws of [0, 1), [n], and how many segments there are, [1 or B, 1], to how many are kept,
            [1 or B, n].
        seed: Which draws.
    """
    count = dims(present)[1]
    draws = tf.map_fn(lambda i: bits([count + 1], (seed, i)), numbers, fn_output_signature=tf.uint32)
    draws = tf.cast(draws, tf.float64) * 2.0**-32  # [n, count + 1]
    known = tf.reduce_sum(tf.cast(present, tf.int32), axis=1, keepdims=True)
    order = tf.where(present[:, tf.newaxis], draws[:, :count], 1.0)  # those that are not there come last
    places = tf.argsort(tf.argsort(order, stable=True), stable=True)  # [1 or B, n, count]
    return places < sizes(draws[:, count], known)[..., tf.newaxis]


def game(model: Model, inputs: Tensor, targets: Tensor, fill: Tensor, segments: Segments) -> Callable[[Tensor], Tensor]:
    """Give what a coalition is worth: a function of coalitions, [1 or B, n, count], to scores, [B, n, T] float64.

    Cost: n forward passes, all at once.

    Args:
        model: The view that `bind` received.
        inputs: [B, ...].
        targets: [B, T].
        fill: What hidden values become, like `inputs`.
        segments: Of the inputs.
    """

    def worth(kept: Tensor) -> Tensor:
        size = dims(kept)[1]
        scores = forward(model, hidden(inputs, fill, kept, segments), tf.repeat(targets, size, axis=0))
        rows, columns = dims(scores)
        return tf.cast(tf.reshape(scores, [rows // size, size, columns]), tf.float64)

    return worth
