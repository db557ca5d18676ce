"""Means of scores at each position, weighted by masks: added up mask by mask, with their standard errors.

In float64: a device may round the factors of a float32 product to ten bits, and the order of a sum shows in the last
bits of a map.
"""

from typing import NamedTuple

from .copies import Number
from .explanation import Tensor
from .lazy import tf
from .sampling import standard_errors


class Sums(NamedTuple):
    """Sums over masks m with scores f.

    Attributes:
        m: [P], over positions.
        f: [B, T]
        fm: [B, T, P]
        squares: Those of m m [P], f m m and f f m m [B, T, P]; none of them where nobody asks for standard errors.
    """

    m: Tensor
    f: Tensor
    fm: Tensor
    squares: tuple[Tensor, ...]

    def plus(self, masks: Tensor, scores: Tensor) -> "Sums":
        """Add masks [n, P] and scores [n, B, T]."""
        f, m = tf.cast(scores, tf.float64), tf.cast(masks, tf.float64)
        squares = (tf.reduce_sum(m * m, axis=0), _product(f, m * m), _product(f * f, m * m)) if self.squares else ()
        more = Sums(tf.reduce_sum(m, axis=0), tf.reduce_sum(f, axis=0), _product(f, m), squares)
        return tf.nest.map_structure(_added, self, more)  # type: ignore[no-any-return]

    def means(self, taken: Tensor) -> Tensor:
        """Give the mean of f weighted by m, [B, T, P]; at a position without weight, that of all `taken` masks."""
        everywhere = self.f / tf.cast(taken, self.f.dtype)
        return tf.where(self.m > 0, tf.math.divide_no_nan(self.fm, self.m), everywhere[..., tf.newaxis])

    def errors(self, taken: Tensor) -> Tensor:
        """Give the largest standard error of the means, [B, T], by the delta method; infinity where one is unknown."""
        r = self.means(taken)
        mm, fmm, ffmm = self.squares
        squares = ffmm - 2 * r * fmm + r * r * mm  # of the deviations m (f - r)
        found = standard_errors(squares, taken) * tf.cast(taken, r.dtype) / self.m
        return tf.reduce_max(tf.where(self.m > 0, found, tf.constant(float("inf"), r.dtype)), axis=-1)


def no_sums(rows: Number, columns: Number, positions: int, *, squares: bool) -> Sums:
    """Begin sums for B rows, T columns and P positions."""
    alone, each = tf.zeros([positions], tf.float64), tf.zeros([rows, columns, positions], tf.float64)
    return Sums(alone, tf.zeros([rows, columns], tf.float64), each, (alone, each, each) if squares else ())


def _product(scores: Tensor, masks: Tensor) -> Tensor:
    return tf.einsum("nbt,np->btp", scores, masks)


def _added(old: Tensor, new: Tensor) -> Tensor:
    total = old + new
    total.set_shape(old.shape)
    return total
