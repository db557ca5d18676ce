"""Values of maps as heat, and the colours of heat on white paper.

Red is for, blue against, in every drawing; both are told apart, and from nothing, by the colour-blind too.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ParameterError

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

Values = NDArray[np.float64]

FOR, AGAINST = "#b2182b", "#2166ac"

# On white, lines need colours that are seen without heat too, and words a background that is none.
_LINES = ("#bdbdbd", "#f0a35e", "#d6402b", "#7a0022")
_SIGNED_LINES = ("#053061", "#2f7fc1", "#bdbdbd", "#d6402b", "#7a0022")
_PAPER = ("#ffffff", "#fddbc7", "#f4a582", "#d6604d")
_SIGNED_PAPER = ("#4393c3", "#92c5de", "#d1e5f0", "#ffffff", "#fddbc7", "#f4a582", "#d6604d")


def finite(values: ArrayLike, subject: str) -> Values:
    """Give values as float64 that can be drawn.

    Raises:
        InputError: They are no real numbers, not finite, or none.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{subject} must be of real numbers, not {array.dtype}.")
    if not array.size:
        raise InputError(f"{subject} of shape {list(array.shape)} holds no values to draw.")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"{subject} must be finite: there are NaN or infinite values in it.")
    return array


def any_negative(values: list[Values]) -> bool:
    """Say whether there is evidence against, in any of the maps."""
    return any(bool((each < 0).any()) for each in values)


def to_heat(values: Values, *, signed: bool, limit: float | None = None) -> Values:
    """Bring the values of one map to [-1, 1] if signed, zero staying zero, or else what is positive to [0, 1].

    A constant map distinguishes nothing, and has no heat.

    Args:
        values: Any shape, finite.
        signed: Whether negative values are shown; otherwise they count as zero.
        limit: The size that has the full colour; by default the map's own largest, and, unless signed, its smallest
            value has none, as `normalize` does it.
    """
    kept = values if signed else values.clip(0, None)
    if limit is not None:
        return (kept / limit).clip(-1, 1)
    if kept.min() == kept.max():
        return np.zeros_like(kept)
    halves = kept / 2  # the range of the largest floats is no float
    low = 0.0 if signed else halves.min()
    shifted = halves - low
    heat: Values = shifted / np.abs(shifted).max()
    return heat


def check_limit(limit: float | None) -> None:
    """Refuse a limit that no value can be divided by.

    Raises:
        ParameterError: It is not a finite number above 0.
    """
    if limit is not None and not (np.isfinite(limit) and limit > 0):
        raise ParameterError(f"limit must be a number above 0, not {limit!r}.")


def line_colours(heat: Any, *, signed: bool) -> NDArray[np.float64]:
    """Colour heat as it is drawn in lines: RGBA, [..., 4] in [0, 1]; without heat grey."""
    return _coloured(_SIGNED_LINES if signed else _LINES, heat, signed)


def paper_colours(heat: Any, *, signed: bool) -> NDArray[np.float64]:
    """Colour heat as it is laid under words: RGBA, [..., 4] in [0, 1]; without heat white."""
    return _coloured(_SIGNED_PAPER if signed else _PAPER, heat, signed)


def scale_of(signed: bool) -> Values:
    """Give heat from the least to the most, [256], for a colour bar."""
    return np.linspace(-1 if signed else 0, 1, 256)


def _coloured(colours: tuple[str, ...], heat: Any, signed: bool) -> NDArray[np.float64]:
    values = np.asarray(heat, np.float64)
    return np.asarray(_map(colours)((values + 1) / 2 if signed else values))


@cache
def _map(colours: tuple[str, ...]) -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("xaikit", list(colours), N=512)
