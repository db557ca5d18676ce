"""Ratios where there may be nothing to compare with."""

from ..core import Tensor, tf

NAN = float("nan")


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """Divide; NaN where the whole is 0, never infinity."""
    known = tf.not_equal(whole, 0)
    return tf.where(known, part / tf.where(known, whole, 1), NAN)
