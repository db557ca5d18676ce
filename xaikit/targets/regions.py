"""Regions of the positions of an output: boxes, and masks."""

from typing import Any

from ..core import Tensor, sides, tf
from ..core.arrays import Array
from ..core.goals import Given
from ..core.lazy import np
from ..errors import TargetError
from .values import numbers

_NAMES = ("predicted", "all")
_Sides = tuple[int | None, ...]


def kept_region(region: Any) -> Any:
    """Keep a region as a name, a box as a tuple, or a mask as an `Array`.

    Raises:
        TargetError: It is none of these.
    """
    if isinstance(region, str):
        if region not in _NAMES:
            raise TargetError(f"segment: region must be 'predicted', 'all', a box or a mask, not {region!r}.")
        return region
    array = numbers("segment", "region", region).values
    if array.ndim == 1 and array.dtype.kind in "iu":
        return _corners(array)
    if array.ndim == 0 or array.dtype.kind == "f" or not np.isin(array, (0, 1)).all():
        raise TargetError("segment: a region must be a box of whole numbers, or a mask of True and False.")
    return Array(array.astype(bool))


def _corners(array: Any) -> tuple[int, ...]:
    low, high = np.split(array, 2) if len(array) % 2 == 0 else (array, array)
    if (low < 0).any() or (low >= high).any():
        raise TargetError(
            "segment: a box is the first position on each axis and then one past the last, such as (8, 8, 16, 16), "
            f"not {tuple(array.tolist())}."
        )
    return tuple(array.tolist())


def given_box(box: tuple[int, ...], where: _Sides) -> Given:
    """Check a box against the positions of an output.

    Raises:
        TargetError: It is not within them.
    """
    high = box[len(where) :]
    if len(high) != len(where) or any(side is not None and end > side for side, end in zip(where, high, strict=True)):
        raise TargetError(f"segment: the box {box} is not within outputs of {_sizes(where)} positions.")
    return Given(np.array(box, np.int32))


def given_mask(mask: Any, where: _Sides) -> Given:
    """Check a mask against the positions of an output.

    Raises:
        TargetError: It has another shape, or no position.
    """
    given = Given(mask, each=mask.ndim == len(where) + 1)
    shape = mask.shape[1:] if given.each else mask.shape
    if len(shape) != len(where) or any(side not in (None, own) for side, own in zip(where, shape, strict=True)):
        raise TargetError(
            f"segment: the mask has the shape {mask.shape}, and must be [*positions] or [N, *positions]; the outputs "
            f"have {_sizes(where)} positions."
        )
    if not mask.any(axis=tuple(range(int(given.each), mask.ndim))).all():
        raise TargetError("segment: a mask without a position explains nothing.")
    return given


def inside_box(box: Tensor, ones: Tensor) -> Tensor:
    """Give the weights of boxes [B, 2 axes], like `ones`, [B, *positions, 1]."""
    axes = ones.shape.rank - 2
    for axis, side in enumerate(sides(ones)):
        along = [1] * (axes + 2)
        along[1 + axis] = side
        place = tf.reshape(tf.range(side), along)
        low, high = (tf.reshape(box[:, i], [-1, *[1] * (axes + 1)]) for i in (axis, axes + axis))
        ones *= tf.cast(tf.logical_and(place >= low, place < high), ones.dtype)
    return ones


def inside_mask(mask: Tensor, ones: Tensor) -> Tensor:
    """Give the weights of masks [B, *positions], like `ones`, [B, *positions, 1].

    Raises:
        TargetError: They have other positions.
    """
    if not mask.shape[1:].is_compatible_with(ones.shape[1:-1]):
        raise TargetError(
            f"segment: the mask has {_sizes(mask.shape[1:])} positions, and the outputs {_sizes(ones.shape[1:-1])}."
        )
    return tf.cast(mask, ones.dtype)[..., tf.newaxis]


def _sizes(where: Any) -> str:
    return " x ".join("any" if side is None else str(side) for side in where)
