"""Windows laid over the positions of an input: which positions one covers, and means over those that cover one."""

from typing import NamedTuple

from ..errors import ParameterError
from .copies import Number, dims
from .explanation import Tensor
from .lazy import tf


class Windows(NamedTuple):
    """Windows of one size along one axis; the last one ends at the border, wherever the stride would put it.

    Attributes:
        side: How many positions there are.
        patch: How many of them a window covers.
        stride: How many lie between the starts of two windows.
    """

    side: int
    patch: int
    stride: int

    @property
    def starts(self) -> list[int]:
        """The first position of each window."""
        last = self.side - self.patch
        return [*range(0, last, self.stride), last]


def lay(sides: list[int], patch: int | tuple[int, ...], stride: int | tuple[int, ...]) -> list[Windows]:
    """Lay windows along each axis; a patch of 0 is an eighth of the side, a stride of 0 half of the patch.

    Raises:
        ParameterError: A patch larger than its side, a stride above its patch, or not one number for each axis.
    """
    patches, strides = _each(patch, len(sides), "patch"), _each(stride, len(sides), "stride")
    return [_along(*sizes) for sizes in zip(sides, patches, strides, strict=True)]


def _each(value: int | tuple[int, ...], axes: int, name: str) -> tuple[int, ...]:
    values = (value,) * axes if isinstance(value, int) else value
    if len(values) != axes:
        raise ParameterError(f"{name} must be one number, or one for each axis of positions ({axes}), not {value}.")
    return values


def _along(side: int, patch: int, stride: int) -> Windows:
    patch = patch or max(1, side // 8)
    stride = stride or max(1, patch // 2)
    if patch > side:
        raise ParameterError(f"patch must be at most {side}, the input's side, not {patch}.")
    if stride > patch:
        raise ParameterError(
            f"stride must be at most {patch}, the patch's side, or positions are missed, not {stride}."
        )
    return Windows(side, patch, stride)


def covered(number: Number, windows: list[Windows]) -> Tensor:
    """Mark the positions of one window, boolean [*positions]; windows are numbered along the last axis first."""
    inside = tf.constant(True)
    for after, along in enumerate(reversed(windows)):
        starts = along.starts
        start = tf.gather(tf.constant(starts), number % len(starts))
        number = number // len(starts)
        places = tf.range(along.side)
        here = tf.logical_and(places >= start, places < start + along.patch)
        inside = tf.logical_and(tf.reshape(here, [along.side] + [1] * after), inside)
    return inside


def averaged(values: Tensor, windows: list[Windows]) -> Tensor:
    """Give each position the mean over the windows that cover it: [B, T, windows] to [B, *positions, T]."""
    rows, columns, _ = dims(values)
    # in float64: a device may round the factors of a float32 product to ten bits
    means = tf.reshape(tf.cast(values, tf.float64), [rows, columns, *(len(along.starts) for along in windows)])
    for along in windows:  # the axis of its windows is taken off the front, that of its positions put last
        first = tf.constant(along.starts)[:, tf.newaxis]
        places = tf.range(along.side)
        covers = tf.cast(tf.logical_and(places >= first, places < first + along.patch), tf.float64)  # [windows, side]
        means = tf.tensordot(means, covers / tf.reduce_sum(covers, axis=0), [[2], [0]])
    return tf.cast(tf.transpose(means, [0, *range(2, means.shape.rank), 1]), values.dtype)
