"""Pictures side by side, with their heat and their titles."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, ParameterError
from .drawing import drawn
from .given import each_title, one_each
from .layout import Grid
from .overlays import is_signed, overlay
from .saving import Target, save
from .shown import SHAPES, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Each = ArrayLike | Sequence[ArrayLike | None]
Kind = Literal["pictures", "series", "table", "tokens", "volumes"]

_MOST_COLUMNS = 8


def visualize(
    images: Each,
    titles: str | Sequence[str | None] | None = None,
    overlays: Each | None = None,
    *,
    kind: Kind = "pictures",
    cols: int | None = None,
    row_titles: Sequence[str] = (),
    column_titles: Sequence[str] = (),
    heading: str = "",
    signed: bool | None = None,
    alpha: float = 0.5,
    size: float = 2.2,
    to: Target | None = None,
) -> "Figure":
    """Set images side by side, row by row, each with its heat over it and its title above it.

    Give the figure back, which a notebook shows by itself; no window opens and nothing stays open.

    Args:
        images: A batch [N, H, W, C], one image, or a list of images of any sizes, each [H, W] or [H, W, C] with 1, 3 or
            4 channels: uint8, floats in [0, 1], or another range, which is stretched. A None leaves its place empty.
        titles: One for each image, or None for some.
        overlays: Heat for each image, [H, W] or [H, W, 1] of any resolution, in [0, 1] or [-1, 1], or None for some.
        kind: What the images are, if no pictures: "series" are drawn as heated lines, a "table" as bars, "tokens" as
            words on coloured paper, "volumes" slice by slice. Images and overlays are then those of `draw_series` and
            the like in `xaikit.images`, which have more to choose; `titles`, `heading`, `signed` and `to` go for all.
        cols: How many columns; by default as many as there are column titles or images, and at most 8.
        row_titles: Words at the left of the rows.
        column_titles: Words above the columns.
        heading: Words above everything.
        signed: Whether negative heat is shown, as evidence against; by default, if there is any in any image.
        alpha: How much the heat covers, from 0 to 1, see `overlay`.
        size: The width of a column, in inches.
        to: Write it there too: a path that ends in .png, .pdf or .svg, or a binary buffer, which gets png.

    Raises:
        InputError: There is nothing to show, or an image or its heat cannot be shown.
        ParameterError: The numbers of things disagree, or a value is out of range.
        OutputError: The file cannot be written.
    """
    if kind != "pictures":
        if cols is not None or row_titles or column_titles:
            raise ParameterError("cols, row_titles and column_titles are for pictures: see xaikit.images.draw_series.")
        return _drawn_as(kind, images, titles, overlays, heading=heading, signed=signed, to=to)
    pictures = _each_image(images)
    heats = _each_heat(overlays, len(pictures))
    signed = _any_signed(heats) if signed is None else signed
    columns = _columns(cols, len(pictures), len(column_titles))
    _check(size=size, alpha=alpha, row_titles=row_titles, column_titles=column_titles, shape=(len(pictures), columns))
    grid = Grid(
        pictures=[_laid(*pair, alpha=alpha, signed=signed) for pair in zip(pictures, heats, strict=True)],
        titles=each_title(titles, len(pictures), "image"),
        columns=columns,
        row_titles=row_titles,
        column_titles=column_titles,
        heading=heading,
        bar=None if all(heat is None for heat in heats) else _bar(alpha=alpha, signed=signed),
        signed=signed,
        size=size,
    )
    figure = drawn(grid)
    if to is not None:
        save(figure, to)
    return figure


def _drawn_as(
    kind: Kind,
    data: Any,
    titles: Any,
    heats: Any,
    *,
    heading: str,
    signed: bool | None,
    to: Target | None,
) -> "Figure":
    """Draw what is no picture."""
    from . import series, tables, tokens, volumes  # volumes are drawn as pictures, slice by slice

    if kind not in get_args(Kind):
        raise ParameterError(f"kind must be {', '.join(map(repr, get_args(Kind)))}, not {kind!r}.")
    if heats is None and kind != "volumes":
        raise InputError(f"Without overlays there is nothing to show of {kind}: give the heat of each.")
    if kind == "table":  # bars have their sign
        return tables.draw_table(data, heats, titles, heading=heading, to=to)
    if kind == "series":
        return series.draw_series(data, heats, titles, heading=heading, signed=signed, to=to)
    if kind == "tokens":
        return tokens.draw_tokens(data, heats, titles, heading=heading, signed=signed, to=to)
    return volumes.draw_volumes(data, heats, titles, heading=heading, signed=signed, to=to)


def picture_card(
    image: ArrayLike, heat: ArrayLike, title: str, *, signed: bool | None = None, to: Target | None = None
) -> "Figure":
    """Set a picture beside itself with its heat, under a title; see `visualize` for the rest."""
    pair = [image, image]
    return visualize(pair, overlays=[None, heat], heading=title, signed=signed, size=3.4, to=to)


def _each_image(images: Each) -> list[Any]:
    if isinstance(images, list | tuple):
        each = list(images)
    else:
        array = np.asarray(images)
        if array.ndim not in (2, 3, 4) or (array.ndim == 3 and array.shape[-1] not in (1, 3, 4)):
            raise InputError(f"Images must be a batch [N, H, W, C], a list, or one {SHAPES}, not {list(array.shape)}.")
        each = list(array) if array.ndim == 4 else [array]
    if not each:
        raise InputError("There are no images to show.")
    return each


def _each_heat(overlays: Each | None, count: int) -> list[Any]:
    if overlays is None:
        return [None] * count
    if isinstance(overlays, list | tuple):
        each = list(overlays)
    else:
        array = np.asarray(overlays)
        is_one = array.ndim == 2 or (count == 1 and array.ndim == 3 and len(array) != 1)  # else [1, H, W]
        each = [array] if is_one else list(array)
    return one_each("overlays", each, count, "image")


def _columns(cols: int | None, count: int, titled: int) -> int:
    columns = cols if cols is not None else titled or min(count, _MOST_COLUMNS)
    if columns < 1:
        raise ParameterError(f"cols must be at least 1, not {columns}.")
    return columns


def _check(
    *, size: float, alpha: float, row_titles: Sequence[str], column_titles: Sequence[str], shape: tuple[int, int]
) -> None:
    count, columns = shape
    rows = -(-count // columns)
    if not 0.2 <= size <= 40:
        raise ParameterError(f"size must be from 0.2 to 40 inches, not {size}.")
    if not 0 <= alpha <= 1:
        raise ParameterError(f"alpha must be from 0 to 1, not {alpha}.")
    for name, given, needed in (("row_titles", row_titles, rows), ("column_titles", column_titles, columns)):
        if given and len(given) != needed:
            raise ParameterError(f"{name} must be {needed}, one for each, not {len(given)}.")


def _any_signed(heats: list[Any]) -> bool:
    return any(heat is not None and is_signed(heat) for heat in heats)


def _laid(image: Any, heat: Any, *, alpha: float, signed: bool) -> Any:
    if image is None:
        return None
    return shown(image) if heat is None else overlay(image, heat, alpha=alpha, signed=signed)


def _bar(*, alpha: float, signed: bool) -> Any:
    """Give the colours of all heats from the least to the most, over a middling grey: so they look in the pictures."""
    heats = np.linspace(-1 if signed else 0, 1, 256, dtype=np.float32)[None]
    return overlay(np.full((1, 256, 3), 128, np.uint8), heats, alpha=alpha, signed=signed)[0] / 255
