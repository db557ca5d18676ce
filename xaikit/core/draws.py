"""Random draws that are the same wherever and however they are made.

A draw is keyed by the explainer's seed, its level in the expression and the numbers of the copy: never by the place in
the batch, the replica or the call. Normals come from raw integer bits: XLA makes other floats from a seed than the
graph does, but the same bits.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import Any

from .explanation import Tensor
from .lazy import tf
from .tracing import current

Key = Sequence[Any]


class Fixed(int):
    """A seed with its level folded in: it draws the same at whatever level it is used."""


def fixed(seed: int) -> Fixed:
    """Fold the level of the explainer that is running into its seed."""
    return Fixed(_word(seed))


def bits(shape: Any, key: Key) -> Tensor:
    """Draw unsigned 32-bit integers of `shape` for `key`: (seed, *numbers), the numbers may be scalar tensors."""
    seed, *numbers = key
    word = int(seed) if isinstance(seed, Fixed) else _word(seed)
    words = tf.stack([tf.constant(word, tf.int64), _mixed(numbers)])
    return tf.random.stateless_uniform(shape, words, minval=None, maxval=None, dtype=tf.uint32, alg="philox")


def uniform(shape: Any, key: Key, dtype: Any = None) -> Tensor:
    """Draw from [0, 1), on a grid of 2^-24, so that float32 holds it exactly."""
    top = tf.bitwise.right_shift(bits(shape, key), tf.constant(8, tf.uint32))
    return tf.cast(tf.cast(top, tf.float32) * 2.0**-24, dtype or tf.float32)


def normal(shape: Any, key: Key, dtype: Any = None) -> Tensor:
    """Draw from the standard normal distribution, by Box and Muller's transform."""
    shape = tf.convert_to_tensor(shape, tf.int32)
    pair = uniform(tf.concat([[2], shape], axis=0), key)
    radius = tf.sqrt(-2.0 * tf.math.log(pair[0] + 2.0**-25))  # half a step up: log(0) cannot happen
    return tf.cast(radius * tf.cos(2.0 * math.pi * pair[1]), dtype or tf.float32)


def _word(seed: int) -> int:
    """Hash the seed and the level into 63 bits."""
    text = repr((int(seed), current().level)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def _mixed(numbers: Sequence[Any]) -> Tensor:
    """Fold the numbers into one; a number and a tensor of the same value give the same draws."""
    mixed = tf.constant(0, tf.int64)
    for number in numbers:
        mixed = mixed * 1_000_003 + tf.cast(number, tf.int64) + 1
    return mixed
