"""Heat in colours, and laid over the picture that it explains."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from ..errors import InputError, UnknownName
from .reading import Picture
from .shown import shown

Heat = NDArray[np.float32]

POSITIVE = "inferno"  # evenly brighter with the value, also for the colour-blind
SIGNED = "RdBu_r"  # red for, blue against, white for neither

_ROUNDING = 1e-3  # what arithmetic in half precision may leave beyond 1


def checked(heat: ArrayLike) -> Heat:
    """Give heat that can be shown as [H, W] in [-1, 1].

    Raises:
        InputError: It is not [H, W] or [H, W, 1], not of real numbers, not finite, or beyond 1.
    """
    values = np.asarray(heat)
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"Heat to look at must have the shape [H, W] or [H, W, 1], not {list(np.shape(heat))}.")
    if values.dtype.kind not in "biuf":
        raise InputError(f"Heat to look at must be of real numbers, not {values.dtype}.")
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError("Heat to look at must be finite: there are NaN or infinite values in it.")
    if (largest := np.abs(values).max()) > 1 + _ROUNDING:
        raise InputError(f"Heat to look at must lie in [-1, 1], and it reaches {largest:.4g}: heatmap(...) scales it.")
    return values.clip(-1, 1)


def is_signed(heat: ArrayLike) -> bool:
    """Say whether any of the values is negative."""
    return bool((np.asarray(heat) < 0).any())


def colour(heat: ArrayLike, *, signed: bool = False, map: str | None = None) -> Heat:
    """Colour heat as RGB, [H, W, 3] in [0, 1].

    Args:
        heat: [H, W] or [H, W, 1], in [0, 1], or in [-1, 1] if signed.
        signed: Use a map of two arms, with zero at its neutral centre; otherwise what is negative counts as zero.
        map: The name of another matplotlib colour map.

    Raises:
        InputError: The heat cannot be shown, see `checked`.
        UnknownName: matplotlib has no such map.
    """
    from matplotlib import colormaps

    values = checked(heat)
    share = (values + 1) / 2 if signed else values.clip(0, 1)
    name = map or (SIGNED if signed else POSITIVE)
    if name not in colormaps:
        raise UnknownName("colour map", name, colormaps)
    return np.asarray(colormaps[name](share)[..., :3], np.float32)


def overlay(image: ArrayLike, heat: ArrayLike, *, alpha: float = 0.5, signed: bool | None = None) -> Picture:
    """Lay heat over a picture, [H, W, 3] in 0 to 255: the hotter a place, the more its colour covers.

    Where there is no heat the picture is as it was; elsewhere its own colours fade, so that those of the heat tell.

    Args:
        image: The picture, as `shown` takes it.
        heat: In [0, 1] or [-1, 1], of any resolution: it is resized to the picture's, bilinearly.
        alpha: How much a place of half the heat is covered, from 0 to 1; the hottest is covered 1.4 times as much.
        signed: Whether negative heat is shown, as evidence against; by default, if there is any.

    Raises:
        InputError: The picture or the heat cannot be shown, see `shown` and `checked`.
    """
    picture = shown(image)
    values = _resized(checked(heat), *picture.shape[:2])
    signed = is_signed(values) if signed is None else signed
    strength = np.abs(values) if signed else values.clip(0, 1)
    base = _faded(picture.astype(np.float32), strength)
    cover = (alpha * np.sqrt(2 * strength)).clip(0, 1)[..., None]  # [H, W, 1]; the root, so that weak heat is seen
    mixed = (1 - cover) * base + cover * 255 * colour(values, signed=signed)
    laid: Picture = np.rint(mixed).clip(0, 255).astype(np.uint8)
    return laid


def _faded(picture: NDArray[np.float32], strength: Heat) -> NDArray[np.float32]:
    greys = picture.mean(axis=-1, keepdims=True)  # [H, W, 1]
    faded: NDArray[np.float32] = picture + strength[..., None] * (greys - picture)
    return faded


def _resized(heat: Heat, height: int, width: int) -> Heat:
    if heat.shape == (height, width):
        return heat
    return np.array(Image.fromarray(heat).resize((width, height), Image.Resampling.BILINEAR))
