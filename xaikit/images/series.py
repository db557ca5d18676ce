"""Series as lines that are coloured along their length by their heat."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, ParameterError
from .given import check_columns, each_title, examples, one_each
from .layout import POINTS, Box, printable
from .page import WORDS
from .saving import Target, save
from .scales import Values, any_negative, check_limit, finite, line_colours, scale_of, to_heat
from .sheet import Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 8  # channels of a series that are drawn
_STRIP, _ALONE, _BETWEEN = 0.7, 1.5, 0.08  # the height of a channel, of an only one, and what lies between two
_LEFT, _BELOW = 0.5, 0.25  # room for the numbers of the axes

Each = ArrayLike | Sequence[ArrayLike]


def draw_series(
    series: Each,
    heats: Each,
    titles: str | Sequence[str | None] | None = None,
    *,
    names: Sequence[str] = (),
    cols: int = 1,
    heading: str = "",
    signed: bool | None = None,
    limit: float | None = None,
    size: float = 6.0,
    to: Target | None = None,
) -> "Figure":
    """Draw series as lines, a strip for each channel, each coloured along its length by its heat.

    Of more than eight channels those with the most heat are drawn, and the title says so.

    Args:
        series: A batch [N, L, C], a list of series of any lengths, or one, [L] or [L, C].
        heats: For each series [L], the same for all its channels, or [L, C]: raw values, finite. They are scaled
            series by series: see `signed` and `limit`.
        titles: One for each series, or None for some.
        names: The channels' names.
        cols: How many columns of series.
        heading: Words above everything.
        signed: Whether negative heat is shown, as evidence against, on a scale with zero in its middle; by default, if
            there is any. Unsigned heat goes from each series' smallest value to its largest.
        limit: The size of a value that has the full colour in every series; by default each series' own largest.
        size: The width of a column, in inches.
        to: Write it there too: a path that ends in .png, .pdf or .svg, or a binary buffer, which gets png.

    Raises:
        InputError: Nothing to draw, values that are not finite, or heat of another shape than its series.
        ParameterError: The numbers of things disagree, or a value is out of range.
        OutputError: The file cannot be written.
    """
    check_columns(cols, size)
    check_limit(limit)
    lines = [_line(each) for each in examples(series, 2, "series")]
    values = one_each("heats", examples(heats, _axes_of(series), "heat"), len(lines), "series")
    heats_ = [_fitted(value, line) for value, line in zip(values, lines, strict=True)]
    signed = any_negative(heats_) if signed is None else signed
    kept = [_most_heated(heat) for heat in heats_]
    labels = [_names(names, line) for line in lines]
    sheet = Sheet(
        heights=[_height(len(places)) for places in kept],
        titles=[_said(*each) for each in zip(each_title(titles, len(lines), "series"), lines, kept, strict=True)],
        columns=min(cols, len(lines)),
        heading=heading,
        size=size,
        bar=True,
    )
    for place, (line, heat) in enumerate(zip(lines, heats_, strict=True)):
        scaled = to_heat(heat, signed=signed, limit=limit)
        _draw(sheet, place, line, scaled, kept[place], labels[place], signed=signed)
    sheet.page.colour_bar(sheet.bar_box(), line_colours(scale_of(signed), signed=signed)[:, :3], signed=signed)
    if to is not None:
        save(sheet.page.figure, to)
    return sheet.page.figure


def _axes_of(series: Each) -> int:
    """How many axes the heat of one series may have, where it comes as one array."""
    return 2 if not isinstance(series, list | tuple) and np.asarray(series).ndim < 3 else 1


def _line(series: Any) -> Values:
    values = finite(series, "A series to draw")
    if values.ndim not in (1, 2):
        raise InputError(f"A series to draw must have the shape [L] or [L, C], not {list(values.shape)}.")
    return values[:, np.newaxis] if values.ndim == 1 else values


def _fitted(heat: Any, line: Values) -> Values:
    """Give the heat of each value of a series, [L, C]."""
    values = finite(heat, "The heat of a series")
    if values.shape not in (line.shape, line.shape[:1], (len(line), 1)):
        raise InputError(
            f"The heat of a series must have its length, [L], or its shape, [L, C]: the series is {list(line.shape)} "
            f"and its heat {list(values.shape)}."
        )
    return np.broadcast_to(values if values.ndim == 2 else values[:, np.newaxis], line.shape)


def _most_heated(heat: Values) -> Any:
    """Number the channels to draw, in their own order."""
    hottest = np.argsort(-np.abs(heat).max(axis=0), kind="stable")[:_MOST]
    return np.sort(hottest)


def _names(names: Sequence[str], line: Values) -> Sequence[str]:
    count = line.shape[1]
    if names and len(names) != count:
        raise ParameterError(f"names must be one for each channel: there are {count} channels and {len(names)} names.")
    return names or ([f"channel {i}" for i in range(count)] if count > 1 else [""])


def _said(title: str, line: Values, kept: Any) -> str:
    if len(kept) == line.shape[1]:
        return title
    return "\n".join(part for part in (title, f"the {len(kept)} hottest of {line.shape[1]} channels") if part)


def _height(strips: int) -> float:
    return _BELOW + (_ALONE if strips == 1 else strips * (_STRIP + _BETWEEN) - _BETWEEN)


def _draw(
    sheet: Sheet, place: int, line: Values, heat: Values, kept: Any, names: Sequence[str], *, signed: bool
) -> None:
    cell = sheet.box(place)
    height = _ALONE if len(kept) == 1 else _STRIP
    for strip, channel in enumerate(kept):
        top = cell.top + strip * (height + _BETWEEN)
        axes = sheet.page.axes(Box(cell.left + _LEFT, top, cell.width - _LEFT, height))
        colours = line_colours(heat[:, channel], signed=signed)
        _heat_line(axes, line[:, channel], colours, named=bool(names[channel]))
        name = sheet.page.shortened(printable(names[channel]), POINTS - 1, cell.width - _LEFT - 0.1)
        _dress(axes, name, last=strip == len(kept) - 1)


def _heat_line(axes: "Axes", values: Values, colours: Any, *, named: bool) -> None:
    """Draw a line whose piece around each value, halfway to its neighbours, has that value's colour."""
    from matplotlib.collections import LineCollection

    points = np.stack([np.arange(len(values), dtype=float), values], axis=1)  # [L, 2]
    halfway = (points[1:] + points[:-1]) / 2
    before, after = np.vstack([points[:1], halfway]), np.vstack([halfway, points[-1:]])
    pieces = np.stack([before, points, after], axis=1)  # [L, 3, 2]
    axes.add_collection(LineCollection(list(pieces), colors=colours, linewidths=2, capstyle="round", joinstyle="round"))
    axes.set_xlim(-0.5, len(values) - 0.5)
    low, high = values.min() / 2, values.max() / 2  # the range of the largest floats is no float
    room = 0.1 * (high - low) or 0.5
    axes.set_ylim(2 * (low - room), 2 * (high + (3 if named else 1) * room))


def _dress(axes: "Axes", name: str, *, last: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color="#999999", linewidth=0.6)
    axes.tick_params(labelsize=POINTS - 2, length=2, width=0.6, color="#999999", labelbottom=last)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if name:
        style: dict[str, Any] = {"fontsize": POINTS - 1, "va": "top", "color": "#444444"}
        axes.annotate(name, (0, 1), (4, 0), "axes fraction", "offset points", **style, **WORDS)
