"""Where everything in a grid of pictures goes, in inches from the top left.

Reckoned here and not left to a solver: pictures of all shapes stand close together, and no word is cut off.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .reading import Picture

POINTS = 9  # the size of the letters
LINE = 1.25 * POINTS / 72  # the height of a line of them
GAP = 0.1  # between neighbours, and around everything
BAR = 0.12  # the width of the colour bar, and
BAR_WORDS = 0.55  # of the words at its side
LABEL = 1.2  # the width of the row titles
HEADING = 1.3  # letters of the heading, against the others

_MOST_LINES = 3  # a longer title ends in dots
_LETTER = 0.6 * POINTS / 72  # the width of a wide letter
_TALLEST = 1.5  # the height of a picture, against the width of its column; a taller one becomes narrower
_FLATTEST = 0.05


class Box(NamedTuple):
    """A place on the page."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Grid:
    """What is drawn: pictures row by row, the words around them, and what the colours mean."""

    pictures: Sequence[Picture | None]
    titles: Sequence[str]
    columns: int
    row_titles: Sequence[str]
    column_titles: Sequence[str]
    heading: str
    bar: NDArray[np.floating] | None  # [256, 3] in [0, 1], from the least heat to the most
    signed: bool
    size: float  # the width of a column

    @property
    def rows(self) -> int:
        """How many rows."""
        return -(-len(self.pictures) // self.columns)

    def title(self, place: int) -> str:
        """Give the lines above a picture: its column's title, if it is the first in it, and its own."""
        above = self.column_titles[place] if self.column_titles and place < self.columns else ""
        return "\n".join(wrapped(words, self.size) for words in (above, self.titles[place]) if words)

    @cached_property
    def headline(self) -> str:
        """The lines above everything."""
        return wrapped(self.heading, (self.columns * self.size + self._sides) / HEADING)

    @cached_property
    def width(self) -> float:
        """The width of the page."""
        return GAP + self.columns * (self.size + GAP) + self._sides

    @cached_property
    def height(self) -> float:
        """The height of the page."""
        return self.tops[-1] + self._heights[-1] + GAP

    @cached_property
    def left(self) -> float:
        """Where the first column begins."""
        return GAP + (LABEL + GAP) * bool(self.row_titles)

    @cached_property
    def tops(self) -> list[float]:
        """Where the pictures of each row begin."""
        tops, below = [], GAP + HEADING * height_of(self.headline)
        for row, height in enumerate(self._heights):
            tops.append(below + max(height_of(self.title(place)) for place in self._places(row)))
            below = tops[-1] + height + GAP
        return tops

    def box(self, place: int) -> Box:
        """Say where a picture goes; where there is none, the place that is left empty."""
        row, column = divmod(place, self.columns)
        width, height = _fitted(self.pictures[place], self.size)
        middle = self.left + column * (self.size + GAP) + self.size / 2
        return Box(middle - width / 2, self.tops[row], width, height)

    def row_middle(self, row: int) -> float:
        """Say at which height a row's title goes."""
        return self.tops[row] + self._heights[row] / 2

    def bar_box(self) -> Box:
        """Say where the colour bar goes: beside the first rows."""
        end = self.tops[-1] + self._heights[-1]
        left = self.left + self.columns * (self.size + GAP)
        return Box(left, self.tops[0], BAR, min(end - self.tops[0], max(3.0, self._heights[0])))

    @property
    def _sides(self) -> float:
        return (LABEL + GAP) * bool(self.row_titles) + (BAR + BAR_WORDS) * (self.bar is not None)

    @cached_property
    def _heights(self) -> list[float]:
        sizes = [
            [_fitted(self.pictures[place], self.size)[1] for place in self._places(row)] for row in range(self.rows)
        ]
        return [max(row) for row in sizes]

    def _places(self, row: int) -> range:
        return range(row * self.columns, min((row + 1) * self.columns, len(self.pictures)))


_BREAK = "(\ue000 "  # an expression may be broken after an opening parenthesis


def wrapped(words: str, inches: float) -> str:
    """Break the words into lines of that width, without what cannot be printed."""
    letters = max(int(inches / _LETTER), 8)
    kept = "".join(c for c in words if c.isprintable() or c == "\n").replace("(", _BREAK)
    lines = [textwrap.fill(line, letters, max_lines=_MOST_LINES, placeholder=" …") for line in kept.splitlines()]
    laid = "\n".join(lines).replace(_BREAK, "(").replace(_BREAK.rstrip(), "(")
    return "\n".join(laid.splitlines()[:_MOST_LINES])


def printable(text: str) -> str:
    """Write what cannot be printed, line ends included, as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def height_of(lines: str) -> float:
    """Give the height of some lines of words, with the gap below them."""
    return LINE * (lines.count("\n") + 1) + GAP / 2 if lines else 0.0


def _fitted(picture: Picture | None, size: float) -> tuple[float, float]:
    """Give the width and the height of a picture in a column."""
    if picture is None:
        return size, _FLATTEST * size
    height = size * picture.shape[0] / picture.shape[1]
    if height > _TALLEST * size:
        return max(_TALLEST * size * size / height, _FLATTEST * size), _TALLEST * size
    return size, max(height, _FLATTEST * size)
