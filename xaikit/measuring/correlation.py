"""Correlations of two rows of figures, in float64."""

from ..core import Tensor, tf
from ..core.lazy import np
from .midranks import midranks
from .ratio import NAN

_ULPS = 8


def pearson(first: Tensor, second: Tensor) -> Tensor:
    """Give Pearson's correlation of each row of [B, n] with the same row of another: float64 [B].

    NaN where one of them stays the same, but for the rounding of its own type.
    """
    found = _correlated(tf.cast(first, tf.float64), tf.cast(second, tf.float64))
    return tf.where(varies(first) & varies(second), found, NAN)


def spearman(first: Tensor, second: Tensor) -> Tensor:
    """Give the correlation of the ranks of each row of [B, n] with those of another: float64 [B].

    Values that differ by no more than the rounding of their own type share their ranks: the same input scored in
    another place of a batch may differ so. NaN where all of one row do.
    """
    found = _correlated(*(midranks(values, _rounding(values)) for values in (first, second)))
    return tf.where(varies(first) & varies(second), found, NAN)


def varies(values: Tensor) -> Tensor:
    """Say of each row of [B, n] whether its values differ by more than rounding: [B]."""
    span = tf.reduce_max(values, axis=1, keepdims=True) - tf.reduce_min(values, axis=1, keepdims=True)
    return (span > _rounding(values))[:, 0]


def _rounding(values: Tensor) -> Tensor:
    """Give the difference below which values of a row are the same but for rounding, [B, 1]."""
    epsilon = float(np.finfo(values.dtype.as_numpy_dtype).eps)
    return _ULPS * epsilon * tf.reduce_max(tf.abs(values), axis=1, keepdims=True)


def _correlated(first: Tensor, second: Tensor) -> Tensor:
    first, second = _unit(first), _unit(second)
    return tf.clip_by_value(tf.reduce_sum(first * second, axis=1), -1, 1)


def _unit(values: Tensor) -> Tensor:
    """Centre each row, and scale it to length 1; a row of one value becomes 0."""
    centred = values - tf.reduce_mean(values, axis=1, keepdims=True)
    centred = tf.math.divide_no_nan(centred, tf.reduce_max(tf.abs(centred), axis=1, keepdims=True))  # no overflow
    return tf.math.divide_no_nan(centred, tf.norm(centred, axis=1, keepdims=True))
