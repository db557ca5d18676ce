"""An evaluation as a table: on a terminal, as text, and in a notebook."""

import html as markup
import io
import math
from typing import TYPE_CHECKING, Any

from .figures import Cell

if TYPE_CHECKING:
    from rich.console import Group

    from .evaluation import Evaluation

_RANGE = "\N{EN DASH}"


def table(evaluation: "Evaluation") -> "Group":
    """Lay it out for rich: explainers below each other, the best of each metric in bold, notes at the foot."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    notes = footnotes(evaluation)
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    drawn.add_column("explainer", overflow="fold")
    for label in heads(evaluation):
        drawn.add_column(Text(label), justify="right", overflow="fold")
    best = {label: evaluation.ranked(label)[:1] for label in evaluation.metrics}
    for name in evaluation.explainers:
        cells = [
            Text(cell, style="bold" if best[label] == [name] else "")
            for label, cell in zip(evaluation.metrics, row(evaluation, name, notes), strict=True)
        ]
        drawn.add_row(Text(name), *cells, *map(Text, costs(evaluation, name)))
    return Group(drawn, *(Text(line) for line in (_about(evaluation), *notes.values())))


def text(evaluation: "Evaluation", width: int) -> str:
    """Write the table as plain text."""
    from rich.console import Console

    page = io.StringIO()
    Console(file=page, width=width, highlight=False, color_system=None).print(table(evaluation))
    return "\n".join(line.rstrip() for line in page.getvalue().rstrip().splitlines())


def html(evaluation: "Evaluation") -> str:
    """Write the table as HTML, every text of it escaped."""
    notes = footnotes(evaluation)
    best = {label: evaluation.ranked(label)[:1] for label in evaluation.metrics}

    def line(tag: str, cells: list[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"

    lines = [line("th", ["explainer", *map(markup.escape, heads(evaluation))])]
    for name in evaluation.explainers:
        cells = [
            f"<b>{markup.escape(cell)}</b>" if best[label] == [name] else markup.escape(cell)
            for label, cell in zip(evaluation.metrics, row(evaluation, name, notes), strict=True)
        ]
        lines.append(line("td", [markup.escape(name), *cells, *costs(evaluation, name)]))
    foot = "<br>".join(markup.escape(one) for one in [_about(evaluation), *notes.values()])
    return f"<table>{''.join(lines)}</table><p><small>{foot}</small></p>"


def heads(evaluation: "Evaluation") -> list[str]:
    """Name the columns behind the explainers."""
    metrics = [f"{label} {column.arrow}" for label, column in evaluation.metrics.items()]
    return [*metrics, "rows", "seconds"]


def row(evaluation: "Evaluation", name: str, notes: dict[str, str]) -> list[str]:
    """Write an explainer's figures, a text for each metric; where there is none, the mark of the note that says why."""
    marks = {why: mark for mark, why in _reasons(evaluation).items()}
    written = []
    for label in evaluation.metrics:
        if (name, label) in evaluation.cells:
            written.append(figure(evaluation.cells[name, label]))
        else:
            written.append(f"[{marks[evaluation.errors[name, label]]}]")
    return written


def figure(cell: Cell) -> str:
    """Write a mean with its interval."""
    if math.isnan(cell.mean):
        return "none"
    interval = "" if math.isnan(cell.low) else f" ({number(cell.low)} {_RANGE} {number(cell.high)})"
    missing = f" -{cell.missing}" if cell.missing else ""
    return f"{number(cell.mean)}{interval}{missing}"


def number(value: float) -> str:
    """Write three digits behind the point, or as few as say something."""
    if value and not 1e-3 <= abs(value) < 1e4:
        return f"{value:.2e}"
    return f"{value:.3f}"


def costs(evaluation: "Evaluation", name: str) -> list[str]:
    """Write what an explainer costs."""
    cost = evaluation.costs[name]
    return ["" if cost.rows is None else f"{cost.rows}", f"{cost.seconds:.1f}"]


def footnotes(evaluation: "Evaluation") -> dict[str, str]:
    """Say why cells are missing, each reason once, and what was left out."""
    notes = {mark: f"[{mark}] {why}" for mark, why in _reasons(evaluation).items()}
    if any(cell.missing for cell in evaluation.cells.values()):
        notes["-"] = "-n: n examples had nothing to measure, and do not count."
    return notes


def _reasons(evaluation: "Evaluation") -> dict[str, str]:
    return {str(i): why for i, why in enumerate(dict.fromkeys(evaluation.errors.values()), start=1)}


def _about(evaluation: "Evaluation") -> str:
    share = f"{100 * evaluation.confidence:g}"
    known: Any = evaluation.versions
    return (
        f"{evaluation.examples} examples; means with {share} % bootstrap intervals; rows: fed to the model to explain "
        f"one example; xaikit {known['xaikit']}, TensorFlow {known['tensorflow']}, Keras {known['keras']}."
    )
