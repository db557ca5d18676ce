"""A grid of pictures as a figure."""

from typing import TYPE_CHECKING

from .layout import GAP, HEADING, LABEL, POINTS, Grid, wrapped
from .page import WORDS, Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def drawn(grid: Grid) -> "Figure":
    """Draw the grid."""
    page = Page(grid.width, grid.height)
    for place, picture in enumerate(grid.pictures):
        axes = page.axes(grid.box(place))
        if picture is not None:
            axes.imshow(picture, aspect="auto")  # the box has the picture's shape
        axes.set_axis_off()
        axes.set_title(grid.title(place), fontsize=POINTS, pad=72 * GAP / 2, color="black", **WORDS)
    for row, title in enumerate(grid.row_titles):
        page.write(wrapped(title, LABEL), grid.left - GAP, grid.row_middle(row), ha="right", va="center")
    if grid.headline:
        page.write(grid.headline, grid.width / 2, GAP / 2, points=POINTS * HEADING, ha="center")
    if grid.bar is not None:
        page.colour_bar(grid.bar_box(), grid.bar, signed=grid.signed)
    return page.figure
