"""Words on a background that is coloured by their heat: as a figure, as HTML, and for a terminal."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .given import check_columns, each_title, one_each, some
from .layout import POINTS, printable
from .page import Page
from .saving import Target, save
from .scales import Values, any_negative, check_limit, finite, paper_colours, scale_of, to_heat
from .sheet import Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.text import Text

_POINTS = POINTS + 1
_LINE = 1.75 * _POINTS / 72  # from line to line
_SPACE, _PAD = 0.05, 0.03  # between two words, and around one on its background
_LONGEST = 60  # letters of a word

Words = Sequence[str] | Sequence[Sequence[str]]
Each = ArrayLike | Sequence[ArrayLike]


def draw_tokens(
    tokens: Words,
    heats: Each,
    titles: str | Sequence[str | None] | None = None,
    *,
    heading: str = "",
    signed: bool | None = None,
    limit: float | None = None,
    size: float = 6.0,
    to: Target | None = None,
) -> "Figure":
    """Write texts, each word on a background of its heat, in lines.

    Args:
        tokens: The words of a text, or a list of texts; what cannot be printed is written as an escape.
        heats: For each text [L]: raw values, finite. They are scaled text by text: see `signed` and `limit`.
        titles: One for each text, or None for some.
        heading: Words above everything.
        signed: Whether negative heat is shown, as evidence against, on a scale with zero in its middle; by default, if
            there is any. Unsigned heat goes from each text's smallest value to its largest.
        limit: The size of a value that has the full colour in every text; by default each text's own largest.
        size: The width of the lines, in inches.
        to: Write it there too: a path that ends in .png, .pdf or .svg, or a binary buffer, which gets png.

    Raises:
        InputError: Nothing to draw, values that are not finite, or another number of values than words.
        ParameterError: The numbers of things disagree, or a value is out of range.
        OutputError: The file cannot be written.
    """
    check_columns(1, size)
    texts, heats_, signed = _given(tokens, heats, signed, limit)
    paper = Page(1, 1)  # to measure on
    texts = [[paper.shortened(word, _POINTS, size - 2 * _PAD) for word in words] for words in texts]
    laid = [_laid(paper, words, size) for words in texts]
    sheet = Sheet(
        heights=[_LINE * (each[-1][1] + 1) for each in laid],
        titles=each_title(titles, len(texts), "text"),
        columns=1,
        heading=heading,
        size=size,
        bar=True,
        left=True,
    )
    for place, (words, places, heat) in enumerate(zip(texts, laid, heats_, strict=True)):
        cell = sheet.box(place)
        for word, (left, line, width), rgba in zip(words, places, paper_colours(heat, signed=signed), strict=True):
            _put(sheet.page, word, cell.left + left, cell.top + line * _LINE, width, rgba)
    sheet.page.colour_bar(sheet.bar_box(), paper_colours(scale_of(signed), signed=signed)[:, :3], signed=signed)
    if to is not None:
        save(sheet.page.figure, to)
    return sheet.page.figure


def tokens_html(
    tokens: Words,
    heats: Each,
    titles: str | Sequence[str | None] | None = None,
    *,
    signed: bool | None = None,
    limit: float | None = None,
) -> str:
    """Write texts as HTML, a `<div>` with nothing in it that is not escaped; the values show under the pointer.

    Arguments and errors are those of `draw_tokens`.
    """
    texts, heats_, signed = _given(tokens, heats, signed, limit)
    raw = _each_heat(heats, texts)
    parts = []
    for title, words, values, heat in zip(each_title(titles, len(texts), "text"), texts, raw, heats_, strict=True):
        colours = paper_colours(heat, signed=signed)
        spans = " ".join(_span(*each) for each in zip(words, values, colours, strict=True))
        head = f"<b>{html.escape(printable(title))}</b><br>" if title else ""
        parts.append(f'<p style="line-height:1.9;margin:0.6em 0">{head}{spans}</p>')
    return f'<div style="font-family:sans-serif">{"".join(parts)}</div>'


def tokens_text(
    tokens: Sequence[str], heat: ArrayLike, *, signed: bool | None = None, limit: float | None = None
) -> "Text":
    """Write one text for a terminal, as `rich.text.Text`: its words are data, and never markup.

    Arguments and errors are those of `draw_tokens`.
    """
    from rich.text import Text

    texts, heats_, signed = _given(list(tokens), heat, signed, limit)
    made = Text()
    for word, rgba in zip(texts[0], paper_colours(heats_[0], signed=signed), strict=True):
        made.append(word, style=f"{_ink(rgba)} on {_hex(rgba)}")
        made.append(" ")
    return made


def _given(
    tokens: Words, heats: Each, signed: bool | None, limit: float | None
) -> tuple[list[list[str]], list[Values], bool]:
    """Give the words that can be printed, and their heat, [L] each, with whether it is signed."""
    check_limit(limit)
    each = [list(tokens)] if len(tokens) and isinstance(tokens[0], str) else [list(text) for text in tokens]
    values = _each_heat(heats, some(each, "text"))
    signed = any_negative(values) if signed is None else signed
    texts = [[_short(printable(str(word))) for word in text] for text in each]
    return texts, [to_heat(value, signed=signed, limit=limit) for value in values], signed


def _each_heat(heats: Each, texts: list[list[str]]) -> list[Values]:
    is_one = not isinstance(heats, list | tuple) or (len(heats) > 0 and np.ndim(heats[0]) == 0)
    array = np.asarray(heats) if is_one else heats
    each = [array] if is_one and np.ndim(array) == 1 else list(array)  # type: ignore[arg-type]
    values = [finite(heat, "The heat of a text") for heat in one_each("heats", each, len(texts), "text")]
    for value, text in zip(values, texts, strict=True):
        if value.shape != (len(text),):
            raise InputError(
                f"The heat of a text must have a value for each word, [L]: there are {len(text)} words and heat of "
                f"shape {list(value.shape)}."
            )
    return values


def _short(word: str) -> str:
    return word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…"


def _laid(page: Page, words: list[str], inches: float) -> list[tuple[float, int, float]]:
    """Say where words go, in lines of that width: left, number of the line, width of the background."""
    places, left, line = [], 0.0, 0
    for word in words:
        width = page.width_of(word, _POINTS) + 2 * _PAD
        if left and left + width > inches:
            left, line = 0.0, line + 1
        places.append((left, line, width))
        left += width + _SPACE
    return places


def _put(page: Page, word: str, left: float, top: float, width: float, rgba: NDArray[np.float64]) -> None:
    from matplotlib.patches import Rectangle

    corner = (left / page.width, 1 - (top + 0.82 * _LINE) / page.height)
    inside = page.figure.transFigure
    box = Rectangle(corner, width / page.width, 0.8 * _LINE / page.height, facecolor=tuple(rgba), transform=inside)
    page.figure.add_artist(box)
    page.write(word, left + _PAD, top + 0.64 * _LINE, points=_POINTS, va="baseline", color=_ink(rgba))


def _span(word: str, value: float, rgba: NDArray[np.float64]) -> str:
    style = f"background:{_hex(rgba)};color:{_ink(rgba)};padding:0.15em 0.2em;border-radius:0.2em"
    return f'<span style="{style}" title="{value:+.3g}">{html.escape(word)}</span>'


def _ink(rgba: NDArray[np.float64]) -> str:
    """Black, or white on what is dark."""
    return "#000000" if rgba[:3] @ np.array([0.299, 0.587, 0.114]) > 0.5 else "#ffffff"


def _hex(rgba: NDArray[np.float64]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgba[:3])
