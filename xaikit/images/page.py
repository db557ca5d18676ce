"""A page on which things are placed in inches from the top left.

matplotlib's objects only, never pyplot: no figure stays open, and the program's choice of a backend is left alone.
"""

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .layout import POINTS, Box
from .saving import rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WORDS: dict[str, Any] = {"parse_math": False, "usetex": False}  # a class may well be named "$x$"


class Page:
    """A white figure of some inches."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self.width = width
        self.height = height
        self.figure: Figure = _figure_class()(figsize=(width, height), facecolor="white")
        FigureCanvasAgg(self.figure)

    def axes(self, box: Box) -> "Axes":
        """Make axes that fill the box."""
        bottom = self.height - box.top - box.height  # matplotlib counts from the bottom, in shares of the page
        page = np.array([self.width, self.height, self.width, self.height])
        return self.figure.add_axes(tuple(np.array([box.left, bottom, box.width, box.height]) / page))

    def write(self, text: str, left: float, top: float, *, points: float = POINTS, **style: Any) -> None:
        """Write words at a place: their top left corner, unless the style says otherwise."""
        style = {"ha": "left", "va": "top"} | style
        self.figure.text(left / self.width, 1 - top / self.height, text, fontsize=points, **style, **WORDS)

    def width_of(self, text: str, points: float) -> float:
        """Measure a line of text, in inches."""
        from matplotlib.font_manager import FontProperties

        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="Glyph", category=UserWarning
            )  # a box stands for what no font has
            renderer: Any = self.figure.canvas.get_renderer()  # type: ignore[attr-defined]
            width, _, _ = renderer.get_text_width_height_descent(text or " ", FontProperties(size=points), False)
        return float(width / self.figure.dpi)

    def shortened(self, text: str, points: float, inches: float) -> str:
        """Cut a line of text, with dots at its end, until it is no wider than that."""
        if self.width_of(text, points) <= inches:
            return text
        kept = text[: max(1, int(len(text) * inches / self.width_of(text, points)))]
        while len(kept) > 1 and self.width_of(f"{kept}…", points) > inches:
            kept = kept[:-1]
        return f"{kept}…"

    def colour_bar(self, box: Box, colours: Any, *, signed: bool) -> None:
        """Say what the colours mean, [n, 3] in [0, 1] from the least to the most."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import ListedColormap, Normalize

        scale = ScalarMappable(Normalize(-1 if signed else 0, 1), ListedColormap(np.asarray(colours)))
        bar = self.figure.colorbar(scale, cax=self.axes(box))
        ticks = {-1: "against", 0: "none", 1: "for"} if signed else {0: "low", 1: "high"}
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
