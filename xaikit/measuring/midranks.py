"""Ranks in which equal values share the mean of the places that they take."""

from ..core import Tensor, dims, tf


def midranks(values: Tensor, within: Tensor | float = 0.0) -> Tensor:
    """Rank each row from its smallest value, 1, to its largest: float64 [B, n].

    Equal values have the mean of their ranks, which is what random orders give them on average.

    Args:
        values: [B, n]
        within: How far neighbours in the order may be apart to count as equal, [B, 1].
    """
    rows, count = dims(values)
    order = tf.argsort(values, axis=1, stable=True)
    ordered = tf.gather(values, order, batch_dims=1)
    rises = tf.concat([tf.zeros([rows, 1], tf.bool), ordered[:, 1:] - ordered[:, :-1] > within], axis=1)
    groups = tf.cumsum(tf.cast(rises, tf.int32), axis=1) + count * tf.range(rows)[:, tf.newaxis]
    places = tf.tile(tf.range(1, count + 1, dtype=tf.float64)[tf.newaxis], [rows, 1])
    means = tf.math.unsorted_segment_mean(places, groups, rows * count)  # sums of whole numbers: exact in any order
    back = tf.argsort(order, axis=1, stable=True)
    return tf.gather(tf.gather(means, groups), back, batch_dims=1)
