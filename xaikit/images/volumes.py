"""Volumes and videos as rows of slices."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, ParameterError
from .given import each_title, examples, one_each
from .grids import visualize
from .saving import Target
from .scales import Values, any_negative, check_limit, finite, to_heat

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Each = ArrayLike | Sequence[ArrayLike]


def draw_volumes(
    volumes: Each,
    heats: Each | None = None,
    titles: str | Sequence[str | None] | None = None,
    *,
    slices: int = 8,
    heading: str = "",
    signed: bool | None = None,
    limit: float | None = None,
    alpha: float = 0.5,
    size: float = 1.5,
    to: Target | None = None,
) -> "Figure":
    """Set slices along the first axis side by side, evenly spaced, a row for each volume, or video, with its heat.

    All slices of a volume have one scale of greys and one of heat, so that they can be compared.

    Args:
        volumes: A batch [N, D, H, W, C], a list of volumes, or one, [D, H, W] or [D, H, W, C] with 1, 3 or 4 channels.
        heats: For each volume [D, H, W]: raw values, finite. They are scaled volume by volume: see `signed`, `limit`.
        titles: One for each volume, or None for some, at the left of its row.
        slices: The most of them that are shown; the first and the last one always are, where more than one is.
        heading: Words above everything.
        signed: Whether negative heat is shown, as evidence against, on a scale with zero in its middle; by default, if
            there is any. Unsigned heat goes from each volume's smallest value to its largest.
        limit: The size of a value that has the full colour in every volume; by default each volume's own largest.
        alpha: How much the heat covers, from 0 to 1.
        size: The width of a slice, in inches.
        to: Write it there too: a path that ends in .png, .pdf or .svg, or a binary buffer, which gets png.

    Raises:
        InputError: Nothing to draw, values that are not finite, or heat of another shape than its volume.
        ParameterError: The numbers of things disagree, or a value is out of range.
        OutputError: The file cannot be written.
    """
    check_limit(limit)
    if slices < 1:
        raise ParameterError(f"slices must be at least 1, not {slices}.")
    each = [_volume(one) for one in examples(volumes, 4, "volume")]
    maps = [None] * len(each) if heats is None else _heats(heats, each)
    known = [one for one in maps if one is not None]
    signed = any_negative(known) if signed is None else signed
    rows = [_spread(len(volume), slices) for volume in each]
    longest = max(map(len, rows))
    pictures: list[Any] = []
    laid: list[Any] = []
    titles_: list[str | None] = []
    for volume, heat, places in zip(each, maps, rows, strict=True):
        scaled = None if heat is None else to_heat(heat, signed=signed, limit=limit)
        empty: list[Any] = [None] * (longest - len(places))
        pictures += [volume[i] for i in places] + empty
        laid += [None if scaled is None else scaled[i] for i in places] + empty
        titles_ += [f"slice {i}" for i in places] + empty
    names = each_title(titles, len(each), "volume")
    return visualize(
        pictures,
        titles_,
        laid if known else None,
        cols=longest,
        row_titles=names if any(names) else (),
        heading=heading,
        signed=signed,
        alpha=alpha,
        size=size,
        to=to,
    )


def _volume(volume: Any) -> Any:
    """Give a volume as uint8, or as floats in [0, 1] of one scale for all its slices."""
    given = np.asarray(volume)
    if given.ndim not in (3, 4) or (given.ndim == 4 and given.shape[-1] not in (1, 3, 4)):
        raise InputError(
            f"A volume to draw must have the shape [D, H, W] or [D, H, W, C] with 1, 3 or 4 channels, not "
            f"{list(given.shape)}."
        )
    values = finite(given, "A volume to draw")
    if given.dtype == np.uint8:
        return given
    low, high = values.min(), values.max()
    if low >= 0 and high <= 1:
        return values
    halves = values / 2 - low / 2  # the range of the largest floats is no float
    return halves / (halves.max() or 1.0)


def _heats(heats: Each, volumes: list[Any]) -> list[Values]:
    given = examples(heats, 3, "heat") if len(volumes) == 1 or not hasattr(heats, "ndim") else list(np.asarray(heats))
    values = [finite(heat, "The heat of a volume") for heat in one_each("heats", given, len(volumes), "volume")]
    values = [heat[..., 0] if heat.ndim == 4 and heat.shape[-1] == 1 else heat for heat in values]
    for heat, volume in zip(values, volumes, strict=True):
        if heat.shape != volume.shape[:3]:
            raise InputError(
                f"The heat of a volume must have its positions, [D, H, W]: the volume is {list(volume.shape)} and its "
                f"heat {list(heat.shape)}."
            )
    return values


def _spread(count: int, most: int) -> list[int]:
    """Number slices that are evenly spaced."""
    return [int(i) for i in np.linspace(0, count - 1, min(count, most)).round()]
