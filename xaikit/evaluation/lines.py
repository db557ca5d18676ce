"""Curves drawn: panels of lines with their intervals."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..images.saving import Target, save
from .figures import Band

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 5.5, 4.0  # inches, of a panel


class Line(NamedTuple):
    """A curve in a panel.

    Attributes:
        band: What is drawn.
        colour: Which of the colours, so that lines of several panels go together.
        style: "-", "--" or ":".
    """

    band: Band
    colour: int
    style: str = "-"


class Panel(NamedTuple):
    """Curves that share their axes.

    Attributes:
        title: What they show.
        lines: By their labels.
        across: What the places of the points are.
        upwards: What their values are.
        places: Names for the places 1, 2, ..., in the place of numbers.
    """

    title: str
    lines: Mapping[str, Line]
    across: str
    upwards: str
    places: Sequence[str] = ()


def drawn(panels: Sequence[Panel], to: Target | None) -> "Figure":
    """Draw panels side by side with one legend, on a figure outside of pyplot, and write it where that is asked for."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH * len(panels) + 2.0, _HEIGHT), layout="constrained")
    known: dict[str, Any] = {}
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False, sharey=True)[0], panels, strict=True):
        for label, line in panel.lines.items():
            known.setdefault(label, _draw(axes, line))
        axes.set_title(panel.title, fontsize=9, parse_math=False)
        axes.set_xlabel(panel.across, fontsize=8)
        axes.tick_params(labelsize=8, labelleft=True)
        axes.grid(alpha=0.25)
        if panel.places:
            size = 7 if len(panel.places) <= 24 else 4
            axes.set_xticks(range(1, len(panel.places) + 1), panel.places, rotation=90, fontsize=size)
    figure.axes[0].set_ylabel(panels[0].upwards, fontsize=8)
    words = [label if len(label) <= 48 else f"{label[:45]}..." for label in known]
    legend = figure.legend(known.values(), words, loc="outside right upper", fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)
    if to is not None:
        save(figure, to)
    return figure


def _draw(axes: Any, line: Line) -> Any:
    band, colour = line.band, f"C{line.colour % 10}"
    (made,) = axes.plot(band.at, band.mean, line.style, color=colour, linewidth=1.6)
    axes.fill_between(band.at, band.low, band.high, color=colour, alpha=0.15, linewidth=0)
    return made
