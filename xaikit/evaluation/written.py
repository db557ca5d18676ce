"""An evaluation as CSV, JSON and Markdown."""

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OutputError
from .shown import costs as shown_costs
from .shown import footnotes, heads, row

if TYPE_CHECKING:
    from .evaluation import Evaluation
    from .figures import Band, Cell


def written(text: str, path: str | Path | None) -> str:
    """Write a text to a file, if there is one, and give it.

    Raises:
        OutputError: It cannot be written.
    """
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8", newline="\n")
        except (OSError, ValueError) as error:  # ValueError: a NUL in a name
            raise OutputError(f"Cannot write {path}: {getattr(error, 'strerror', None) or error}.") from error
    return text


def records(evaluation: "Evaluation", each: bool) -> list[dict[str, Any]]:
    """List a record for each cell, or for each example and target of it."""
    return list(_examples(evaluation) if each else _cells(evaluation))


def _cells(evaluation: "Evaluation") -> Iterator[dict[str, Any]]:
    for name, label in _places(evaluation):
        cell = evaluation.cells.get((name, label))
        cost = evaluation.costs[name]
        yield _place(evaluation, name, label) | {
            "mean": math.nan if cell is None else cell.mean,
            "low": math.nan if cell is None else cell.low,
            "high": math.nan if cell is None else cell.high,
            "examples": 0 if cell is None else len(cell.values) - cell.missing,
            "missing": 0 if cell is None else cell.missing,
            "rows": cost.rows,
            "seconds": cost.seconds,
            "error": evaluation.errors.get((name, label), ""),
        }


def _examples(evaluation: "Evaluation") -> Iterator[dict[str, Any]]:
    for name, label in _places(evaluation):
        if (name, label) not in evaluation.cells:
            continue
        values = evaluation.cells[name, label].values
        for (i, t), value in np.ndenumerate(values.reshape(len(values), -1)):
            yield _place(evaluation, name, label) | {"example": i, "target": t, "value": float(value)}


def _places(evaluation: "Evaluation") -> list[tuple[str, str]]:
    return [(name, label) for name in evaluation.explainers for label in evaluation.metrics]


def _place(evaluation: "Evaluation", name: str, label: str) -> dict[str, Any]:
    column = evaluation.metrics[label]
    return {"explainer": name, "expression": evaluation.explainers[name], "metric": label, "better": column.better}


def csv_text(evaluation: "Evaluation", each: bool) -> str:
    """Write the records as CSV; NaN and None are empty."""
    page = io.StringIO()
    found = records(evaluation, each)
    writer = csv.DictWriter(page, fieldnames=list(found[0]) if found else [], lineterminator="\n")
    writer.writeheader()
    for record in found:
        writer.writerow({name: "" if _plain(value) is None else value for name, value in record.items()})
    return page.getvalue()


def json_text(evaluation: "Evaluation") -> str:
    """Write everything as JSON."""
    return json.dumps(data(evaluation), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def data(evaluation: "Evaluation") -> dict[str, Any]:
    """Give everything as plain values; NaN is None."""
    return {
        "examples": evaluation.examples,
        "confidence": evaluation.confidence,
        "versions": dict(evaluation.versions),
        "metrics": {label: column._asdict() for label, column in evaluation.metrics.items()},
        "explainers": {
            name: {
                "expression": expression,
                "rows": evaluation.costs[name].rows,
                "seconds": evaluation.costs[name].seconds,
                "notes": dict(evaluation.notes[name]),
                "metrics": {
                    label: _cell(evaluation.cells[name, label])
                    for label in evaluation.metrics
                    if (name, label) in evaluation.cells
                },
                "errors": {label: why for (owner, label), why in evaluation.errors.items() if owner == name},
            }
            for name, expression in evaluation.explainers.items()
        },
    }


def _cell(cell: "Cell") -> dict[str, Any]:
    found = {name: _plain(getattr(cell, name)) for name in ("mean", "low", "high", "missing")}
    found["values"] = _plain(cell.values.tolist())
    if cell.band is not None:
        found["curve"] = _curve(cell.band)
    return found


def _curve(band: "Band") -> dict[str, Any]:
    return {name: _plain(np.asarray(line).tolist()) for name, line in band._asdict().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def markdown_text(evaluation: "Evaluation") -> str:
    """Write the table as Markdown, the notes below it."""
    notes = footnotes(evaluation)
    lines = [_line(["explainer", *heads(evaluation)]), _line(["---", *["---:"] * len(heads(evaluation))])]
    for name in evaluation.explainers:
        lines.append(_line([f"`{name}`", *row(evaluation, name, notes), *shown_costs(evaluation, name)]))
    lines += [f"\n{note}" for note in notes.values()]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
