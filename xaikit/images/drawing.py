"""A grid of pictures as a figure.

matplotlib's objects only, never pyplot: no figure stays open, and the program's choice of a backend is left alone.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .layout import GAP, HEADING, LABEL, POINTS, Box, Grid, wrapped
from .saving import rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WORDS: dict[str, Any] = {"parse_math": False, "usetex": False}  # a class may well be named "$x$"


def drawn(grid: Grid) -> "Figure":
    """Draw the grid."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _figure_class()(figsize=(grid.width, grid.height), facecolor="white")
    FigureCanvasAgg(figure)
    for place, picture in enumerate(grid.pictures):
        axes = _axes(figure, grid, grid.box(place))
        if picture is not None:
            axes.imshow(picture, aspect="auto")  # the box has the picture's shape
        axes.set_axis_off()
        axes.set_title(grid.title(place), fontsize=POINTS, pad=72 * GAP / 2, color="black", **_WORDS)
    _draw_words(figure, grid)
    if grid.bar is not None:
        _draw_bar(figure, grid)
    return figure


def _axes(figure: "Figure", grid: Grid, box: Box) -> "Axes":
    bottom = grid.height - box.top - box.height  # matplotlib counts from the bottom, in shares of the page
    page = np.array([grid.width, grid.height, grid.width, grid.height])
    return figure.add_axes(tuple(np.array([box.left, bottom, box.width, box.height]) / page))


def _draw_words(figure: "Figure", grid: Grid) -> None:
    for row, title in enumerate(grid.row_titles):
        side, middle = (grid.left - GAP) / grid.width, 1 - grid.row_middle(row) / grid.height
        figure.text(side, middle, wrapped(title, LABEL), fontsize=POINTS, ha="right", va="center", **_WORDS)
    if grid.headline:
        top = 1 - GAP / 2 / grid.height
        figure.text(0.5, top, grid.headline, fontsize=POINTS * HEADING, ha="center", va="top", **_WORDS)


def _draw_bar(figure: "Figure", grid: Grid) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    scale = ScalarMappable(Normalize(-1 if grid.signed else 0, 1), ListedColormap(np.asarray(grid.bar)))
    bar = figure.colorbar(scale, cax=_axes(figure, grid, grid.bar_box()))
    ticks = {-1: "against", 0: "none", 1: "for"} if grid.signed else {0: "low", 1: "high"}
    bar.set_ticks(list(ticks), labels=list(ticks.values()), fontsize=POINTS - 1)
    bar.ax.tick_params(length=2, pad=2)
    words = bar.ax.get_yticklabels()
    words[0].set_verticalalignment("bottom")  # inside the ends, so that they lie on the page
    words[-1].set_verticalalignment("top")
    bar.outline.set_linewidth(0.5)


@cache
def _figure_class() -> type["Figure"]:
    from matplotlib.figure import Figure

    class Shown(Figure):
        """A figure that a notebook shows by itself: without pyplot, nobody told it how."""

        def _repr_png_(self) -> bytes:
            return rendered(self)

    return Shown
