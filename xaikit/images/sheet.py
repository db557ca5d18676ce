"""Where cells of one width go on a page, row by row, each with its title above it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .layout import BAR, BAR_WORDS, GAP, HEADING, POINTS, Box, height_of, wrapped
from .page import Page


@dataclass(frozen=True)
class Sheet:
    """Cells, the words around them, and a place for the colour bar."""

    heights: Sequence[float]  # of the cells
    titles: Sequence[str]
    columns: int
    heading: str
    size: float  # the width of a cell
    bar: bool
    left: bool = False  # whether titles begin at the left, as the text below them does

    @cached_property
    def page(self) -> Page:
        """The page, with its titles."""
        page = Page(self.width, self.height)
        if self._headline:
            page.write(self._headline, self.width / 2, GAP / 2, points=POINTS * HEADING, ha="center")
        for place in [place for place, title in enumerate(self.titles) if title]:
            box = self.box(place)
            left, align = (box.left, "left") if self.left else (box.left + box.width / 2, "center")
            page.write(self._title(place), left, box.top - GAP / 2, ha=align, va="bottom", multialignment=align)
        return page

    @property
    def width(self) -> float:
        """The width of the page."""
        return GAP + self.columns * (self.size + GAP) + (BAR + BAR_WORDS) * self.bar

    @property
    def height(self) -> float:
        """The height of the page."""
        return self._tops[-1] + self._row_heights[-1] + GAP

    def box(self, place: int) -> Box:
        """Say where a cell goes."""
        row, column = divmod(place, self.columns)
        return Box(GAP + column * (self.size + GAP), self._tops[row], self.size, self.heights[place])

    def bar_box(self) -> Box:
        """Say where the colour bar goes: beside the first rows."""
        left = GAP + self.columns * (self.size + GAP)
        end = self._tops[-1] + self._row_heights[-1]
        return Box(left, self._tops[0], BAR, min(end - self._tops[0], max(2.0, self._row_heights[0])))

    @cached_property
    def _headline(self) -> str:
        return wrapped(self.heading, (self.width - 2 * GAP) / HEADING)

    def _title(self, place: int) -> str:
        return wrapped(self.titles[place], self.size)

    @cached_property
    def _rows(self) -> list[range]:
        count = len(self.heights)
        return [range(start, min(start + self.columns, count)) for start in range(0, count, self.columns)]

    @cached_property
    def _row_heights(self) -> list[float]:
        return [max(self.heights[place] for place in row) for row in self._rows]

    @cached_property
    def _tops(self) -> list[float]:
        tops, below = [], GAP + HEADING * height_of(self._headline)
        for row, height in zip(self._rows, self._row_heights, strict=True):
            tops.append(below + max(height_of(self._title(place)) for place in row))
            below = tops[-1] + height + 2 * GAP
        return tops
