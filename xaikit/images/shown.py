"""Any image as a picture that can be shown."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .reading import Picture

SHAPES = "[H, W], [H, W, 1], [H, W, 3] or [H, W, 4]"


def shown(image: ArrayLike) -> Picture:
    """Give an image as uint8 RGB, [H, W, 3], transparency laid on white.

    uint8 and floats in [0, 1] are shown as they are. Other ranges have no agreed meaning: their smallest value is shown
    black and their largest white.

    Args:
        image: [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] (the fourth channel is opacity), of real numbers.

    Raises:
        InputError: The shape or the type is another one, or a value is not finite.
    """
    values = np.asarray(image)
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3 or values.shape[-1] not in (1, 3, 4) or 0 in values.shape:
        raise InputError(f"An image to look at must have the shape {SHAPES}, not {list(np.shape(image))}.")
    if values.dtype.kind not in "biuf":
        raise InputError(f"An image to look at must be of real numbers, not {values.dtype}.")
    light = _on_white(_light(values))
    return np.rint(255 * np.broadcast_to(light, (*light.shape[:2], 3))).astype(np.uint8)


def _light(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Bring the values to [0, 1]."""
    light = values.astype(np.float32)
    if values.dtype == np.uint8:
        return light / np.float32(255)
    if not np.isfinite(light).all():
        raise InputError("An image to look at must be finite: there are NaN or infinite values in it.")
    low, high = light.min(), light.max()
    if low >= 0 and high <= 1:
        return light
    if low == high:
        return np.zeros_like(light)
    halves = light / 2 - low / 2  # halved: the range of the largest floats is no float
    return np.asarray(halves / halves.max(), np.float32)


def _on_white(light: NDArray[np.float32]) -> NDArray[np.float32]:
    if light.shape[-1] != 4:
        return light
    opacity = light[..., 3:]
    return np.asarray(opacity * light[..., :3] + (1 - opacity), np.float32)
