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
_NUMBER = 0.16  # the room of a bar's number, as a share of the bars' width

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
        limit: The value that the longest bar stands for in every row; by default each row's own largest.
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
    for place, each in enumerate(bars):
        _draw(sheet, place, each, limit)
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


def _draw(sheet: Sheet, place: int, bars: list[Bar], limit: float | None) -> None:
    cell = sheet.box(place)
    labels = _labelled(sheet.page, bars, _WORDS_SHARE * cell.width)
    left = max(sheet.page.width_of(label, POINTS - 1) for label in labels) + 0.1
    axes = sheet.page.axes(Box(cell.left + left, cell.top, cell.width - left, cell.height))
    values = np.array([bar.value for bar in bars])
    _lay(axes, bars, values)
    _frame(axes, values, limit or np.abs(values).max() or 1.0)
    ticks = axes.set_yticks(range(len(bars)), labels, fontsize=POINTS - 1, **WORDS)
    for tick, bar in zip(ticks, bars, strict=True):
        tick.label1.set_fontstyle("italic" if bar.summed else "normal")


def _lay(axes: "Axes", bars: list[Bar], values: Values) -> None:
    colours = [FOR if value >= 0 else AGAINST for value in values]
    drawn = axes.barh(range(len(bars)), values, height=0.72, color=colours)
    for patch, bar in zip(drawn, bars, strict=True):
        patch.set_alpha(0.45 if bar.summed else 1.0)
    beside: dict[str, Any] = {"textcoords": "offset points", "fontsize": POINTS - 2, "va": "center", "color": "#333333"}
    for i, value in enumerate(values):
        side = 1 if value >= 0 else -1
        text = f"{value:+.3g}".replace("-", _MINUS)
        align = "left" if side > 0 else "right"
        axes.annotate(text, (value, i), (3 * side, 0), ha=align, annotation_clip=False, **beside, **WORDS)


def _frame(axes: "Axes", values: Values, longest: float) -> None:
    """Leave room for the numbers at the ends of the bars, on the sides on which there are any."""
    room = _NUMBER * 2 * longest
    low = -longest - room if values.min() < 0 else -0.02 * longest
    high = longest + room if values.max() >= 0 else 0.02 * longest
    axes.set_xlim(low, high)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.axvline(0, color="#666666", linewidth=0.8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=3, bottom=False, labelbottom=False)
