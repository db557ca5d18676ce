"""The features of a table as bars, the largest first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, ParameterError
from .given import check_columns, each_title, examples, one_each
from .layout import POINTS, Box, printable
from .page import WORDS, Page
from .saving import Target, save
from .scales import AGAINST, FOR, Values, check_limit, finite
from .sheet import Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BAR = 0.24  # the height of a bar and of what lies between two
_WORDS_SHARE = 0.55  # of a column's width, at most, for the words beside the bars
_MOST_LETTERS = 16  # of a value that is a word
_MINUS = "\N{MINUS SIGN}"

Each = ArrayLike | Sequence[ArrayLike]


class Bar(NamedTuple):
    """A bar.

    Attributes:
        name: What it is called.
        shown: The feature's value, as it is written behind the name.
        value: How long it is.
        summed: Whether it is the sum of several.
    """

    name: str
    shown: str
    value: float
    summed: bool = False


def draw_table(
    rows: Each | None,
    heats: Each,
    titles: str | Sequence[str | None] | None = None,
    *,
    names: Sequence[str] = (),
    most: int = 20,
    cols: int | None = None,
    heading: str = "",
    limit: float | None = None,
    size: float = 4.2,
    to: Target | None = None,
) -> "Figure":
    """Draw what speaks for and against as bars, one for each feature, the largest on top, the features' values beside.

    The rest, beyond `most`, is one bar below them, which says how many features are added up in it.

    Args:
        rows: The features' values: a batch [N, F], a list of rows, or one, [F]; numbers or words. None leaves them out.
        heats: For each row [F]: raw values, finite; red is for, blue against.
        titles: One for each row, or None for some.
        names: The features' names, F of them.
        most: How many features have a bar of their own.
        cols: How many columns of rows; by default as many as there are rows, and at most 3.
        heading: Words above everything.
        limit: The value at which the bars' axis ends in every row; by default each row's own largest ones.
        size: The width of a column, in inches.
        to: Write it there too: a path that ends in .png, .pdf or .svg, or a binary buffer, which gets png.

    Raises:
        InputError: Nothing to draw, values that are not finite, or heat of another shape than its row.
        ParameterError: The numbers of things disagree, or a value is out of range.
        OutputError: The file cannot be written.
    """
    values = [_heat(each) for each in examples(heats, 1, "row")]
    given = [None] * len(values) if rows is None else one_each("rows", _rows(rows), len(values), "row")
    columns = min(len(values), 3) if cols is None else cols
    check_columns(columns, size)
    check_limit(limit)
    if most < 1:
        raise ParameterError(f"most must be at least 1, not {most}.")
    bars = [_bars(value, row, names, most) for value, row in zip(values, given, strict=True)]
    sheet = Sheet(
        heights=[_BAR * len(each) for each in bars],
        titles=each_title(titles, len(values), "row"),
        columns=min(columns, len(values)),
        heading=heading,
        size=size,
        bar=False,
    )
    _draw(sheet, bars, limit)
    if to is not None:
        save(sheet.page.figure, to)
    return sheet.page.figure


def _heat(heat: Any) -> Values:
    values = finite(heat, "The heat of a row")
    if values.ndim != 1:
        raise InputError(f"The heat of a row must have the shape [F], not {list(values.shape)}.")
    return values


def _rows(rows: Any) -> list[Any]:
    array = rows if isinstance(rows, list | tuple) else np.asarray(rows)
    is_one = np.ndim(array[0]) == 0 if len(array) else False
    return [array] if is_one else list(array)


def _bars(heat: Values, row: Any, names: Sequence[str], most: int) -> list[Bar]:
    count = len(heat)
    if row is not None and (np.ndim(row) != 1 or len(row) != count):
        raise InputError(
            f"The heat of a row must have a value for each feature: the row is {list(np.shape(row))} and its heat "
            f"{list(heat.shape)}."
        )
    if names and len(names) != count:
        raise ParameterError(f"names must be one for each feature: there are {count} features and {len(names)} names.")
    order = np.argsort(-np.abs(heat), kind="stable")
    own, rest = order[:most], order[most:]
    labels = [str(name) for name in names] or [f"feature {i}" for i in range(count)]
    shown = [""] * count if row is None else [f" = {_number(value)}" for value in row]
    bars = [Bar(printable(labels[i]), shown[i], float(heat[i])) for i in own]
    if len(rest):
        bars.append(Bar(f"sum of {len(rest)} others", "", float(heat[rest].sum()), summed=True))
    return bars


def _number(value: Any) -> str:
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        return printable(str(value))[:_MOST_LETTERS]
    text = f"{value:.0f}" if 1000 <= abs(float(value)) < 1e7 else f"{value:.3g}"
    return text.replace("-", _MINUS)


def _labelled(page: Page, bars: list[Bar], inches: float) -> list[str]:
    """Write each bar's name and value, the names cut where they are too long."""
    points = POINTS - 1
    rooms = [inches - (page.width_of(bar.shown, points) if bar.shown else 0.0) for bar in bars]
    return [page.shortened(bar.name, points, room) + bar.shown for bar, room in zip(bars, rooms, strict=True)]


def _draw(sheet: Sheet, cells: list[list[Bar]], limit: float | None) -> None:
    """Draw the bars of every cell, with the same room for words in all, so that bars of one scale can be compared."""
    page = sheet.page
    labels = [_labelled(page, bars, _WORDS_SHARE * sheet.size) for bars in cells]
    left = max(page.width_of(label, POINTS - 1) for each in labels for label in each) + 0.1
    room = (max(page.width_of(_signed(bar.value), POINTS - 2) for bars in cells for bar in bars) + 0.1) / (
        sheet.size - left
    )
    both = min(bar.value for bars in cells for bar in bars) < 0
    for place, bars in enumerate(cells):
        box = sheet.box(place)
        axes = page.axes(Box(box.left + left, box.top, box.width - left, box.height))
        values = np.array([bar.value for bar in bars])
        low, high = (-limit if both else 0.0, limit) if limit else (min(0.0, values.min()), max(0.0, values.max()))
        _lay(axes, bars, values)
        _frame(axes, bars, labels[place])
        axes.set_xlim(_with_room(float(low), float(high), room))


def _signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", _MINUS)


def _with_room(low: float, high: float, room: float) -> tuple[float, float]:
    """Widen an axis for the numbers at the ends of bars: by a share of the whole, on the sides that have bars."""
    if low == high:
        low, high = 0.0, 1.0
    sides = (low < 0) + (high > 0)
    unit = (high - low) / max(1 - sides * room, 0.2)
    return low - room * unit * (low < 0), high + room * unit * (high > 0)


def _lay(axes: "Axes", bars: list[Bar], values: Values) -> None:
    colours = [FOR if value >= 0 else AGAINST for value in values]
    drawn = axes.barh(range(len(bars)), values, height=0.72, color=colours)
    for patch, bar in zip(drawn, bars, strict=True):
        patch.set_alpha(0.45 if bar.summed else 1.0)
    beside: dict[str, Any] = {"textcoords": "offset points", "fontsize": POINTS - 2, "va": "center", "color": "#333333"}
    for i, value in enumerate(values):
        side, align = (3, "left") if value >= 0 else (-3, "right")
        axes.annotate(_signed(value), (value, i), (side, 0), ha=align, annotation_clip=False, **beside, **WORDS)


def _frame(axes: "Axes", bars: list[Bar], labels: list[str]) -> None:
    ticks = axes.set_yticks(range(len(bars)), labels, fontsize=POINTS - 1, **WORDS)
    for tick, bar in zip(ticks, bars, strict=True):
        tick.label1.set_fontstyle("italic" if bar.summed else "normal")
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.axvline(0, color="#666666", linewidth=0.8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=3, bottom=False, labelbottom=False)
