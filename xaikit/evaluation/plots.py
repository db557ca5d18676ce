"""An evaluation drawn: bars, curves, and what is reached against what it costs."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..images.saving import Target, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .evaluation import Evaluation

_WIDTH = 5.5  # inches, of a panel
_ACROSS = 4  # panels in a row
_ROW = 0.32  # inches, of a bar
_COLOUR = "#35618f"


def bars(evaluation: "Evaluation", labels: Sequence[str], to: Target | None) -> "Figure":
    """Draw a panel of bars for each metric, a few of them in a row."""
    across = min(len(labels), _ACROSS)
    down = math.ceil(len(labels) / across)
    height = 0.9 + _ROW * len(evaluation.explainers)
    with _figure(_WIDTH * across, height * down, to) as figure:
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for axes in panels[len(labels) :]:
            axes.set_axis_off()
        for axes, label in zip(panels, labels, strict=False):
            names = evaluation.ranked(label)[::-1]
            cells = [evaluation.cells[name, label] for name in names]
            means = [cell.mean for cell in cells]
            axes.barh(range(len(names)), means, color=_COLOUR, height=0.7)
            for place, cell in enumerate(cells):
                axes.plot([cell.low, cell.high], [place, place], color="black", linewidth=1.2)
            axes.set_yticks(range(len(names)), [_words(name) for name in names])
            axes.set_title(_head(evaluation, label), fontsize=9, parse_math=False)
            axes.axvline(0, color="black", linewidth=0.8)
            axes.tick_params(labelsize=8)
    return figure


def curves(evaluation: "Evaluation", label: str, to: Target | None) -> "Figure":
    """Draw the mean curve of each explainer with its band."""
    found = {name: evaluation.cells[name, label].band for name in evaluation.ranked(label)}
    bands = {name: band for name, band in found.items() if band is not None}
    if not bands:
        raise UsageError(f"{label} has no curve to draw.")
    with _figure(_WIDTH + 2, 4, to) as figure:
        axes = figure.subplots()
        for name, band in bands.items():
            (line,) = axes.plot(band.at, band.mean, label=_words(name), linewidth=1.6)
            axes.fill_between(band.at, band.low, band.high, color=line.get_color(), alpha=0.18, linewidth=0)
        axes.set_title(_head(evaluation, label), fontsize=9, parse_math=False)
        axes.tick_params(labelsize=8)
        _legend(axes)
    return figure


def cost(evaluation: "Evaluation", label: str, over: str, to: Target | None) -> "Figure":
    """Draw a point for each explainer: its cost across, its mean upwards."""
    if over not in ("rows", "seconds"):
        raise UsageError(f"over must be 'rows' or 'seconds', not {over!r}.")
    points = [
        (getattr(evaluation.costs[name], over), evaluation.cells[name, label], name)
        for name in evaluation.ranked(label)
        if getattr(evaluation.costs[name], over) and not math.isnan(evaluation.cells[name, label].mean)
    ]
    if not points:
        raise UsageError(f"No explainer has both a figure of {label} and a cost.")
    with _figure(_WIDTH + 2, 4, to) as figure:
        axes = figure.subplots()
        for spent, cell, name in points:
            (line,) = axes.plot([spent], [cell.mean], "o", label=_words(name))
            axes.plot([spent, spent], [cell.low, cell.high], color=line.get_color(), linewidth=1.2)
        axes.set_xscale("log")
        axes.set_xlabel("rows fed to the model for one example" if over == "rows" else "seconds", fontsize=8)
        axes.set_title(_head(evaluation, label), fontsize=9, parse_math=False)
        axes.tick_params(labelsize=8)
        _legend(axes)
    return figure


@contextmanager
def _figure(width: float, height: float, to: Target | None) -> Iterator["Figure"]:
    """Give a figure of its own, outside of pyplot, and write it when it is drawn."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure
    if to is not None:
        save(figure, to)


def _head(evaluation: "Evaluation", label: str) -> str:
    return f"{label}: {evaluation.metrics[label].better} is better"


def _legend(axes: Any) -> None:
    for written in axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5)).get_texts():
        written.set_parse_math(False)


def _words(name: str) -> str:
    """Shorten a long expression."""
    return name if len(name) <= 48 else f"{name[:45]}..."
