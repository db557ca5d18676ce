"""Explainers by metrics: what was found, to be read, written and drawn."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..errors import SetupError, UnknownName, UsageError
from ..measuring import Metric
from .figures import Cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group

    from ..images.saving import Target

_WIDE = 200  # letters in a line where there is no terminal to say
Over = Literal["rows", "seconds"]


class Column(NamedTuple):
    """A metric of the table.

    Attributes:
        expression: Its spelling.
        name: Its name alone.
        better: Whether "higher" or "lower" figures are better.
        curve: Whether it is the summary of a curve.
    """

    expression: str
    name: str
    better: str
    curve: bool

    @classmethod
    def of(cls, metric: Metric[Any]) -> "Column":
        """Describe a metric."""
        return cls(repr(metric), metric.name, metric.better, metric.declaration.curve)

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return "\N{UPWARDS ARROW}" if self.better == "higher" else "\N{DOWNWARDS ARROW}"


class Cost(NamedTuple):
    """What an explainer costs.

    Attributes:
        seconds: Wall clock of its whole evaluation: explaining, measuring and compiling, without waiting for data.
        rows: The rows that it feeds the model forward to explain one example, the metrics' own left out; counted on the
            first example beside the evaluation. None where nothing of it was measured.
    """

    seconds: float
    rows: int | None


@dataclass(frozen=True, repr=False, eq=False)
class Evaluation:
    """A table of explainers by metrics. It prints itself, and in a notebook it shows itself.

    Attributes:
        explainers: Their expressions, by label.
        metrics: The columns, by label.
        cells: What was measured, by the labels of explainer and metric: `evaluation["gradcam", "deletion"]`.
        errors: Why a cell is missing.
        costs: What each explainer costs, by label.
        notes: What was chosen for each explainer, by label: "layer" is the layer that it read.
        examples: How many there were.
        confidence: The share of resampled means that an interval holds.
        versions: Of xaikit, TensorFlow, Keras, NumPy and Python.
    """

    explainers: Mapping[str, str]
    metrics: Mapping[str, Column]
    cells: Mapping[tuple[str, str], Cell]
    errors: Mapping[tuple[str, str], str]
    costs: Mapping[str, Cost]
    notes: Mapping[str, Mapping[str, str]]
    examples: int
    confidence: float
    versions: Mapping[str, str]

    def __getitem__(self, place: tuple[str, str]) -> Cell:
        """Give the cell of an explainer and a metric, each by its label; a metric's name will do where one has it.

        Raises:
            UnknownName: There is no such explainer or metric.
            UsageError: The cell could not be measured; the message says why.
        """
        explainer, metric = place[0], self.label(place[1])
        if explainer not in self.explainers:
            raise UnknownName("explainer", explainer, self.explainers, owner="the evaluation")
        if (explainer, metric) not in self.cells:
            raise UsageError(f"{metric} of {explainer} was not measured: {self.errors[explainer, metric]}")
        return self.cells[explainer, metric]

    def label(self, metric: str) -> str:
        """Give the label of a metric's column: it is that, or the name that one column alone has.

        Raises:
            UnknownName: There is no such column, or several have the name.
        """
        if metric in self.metrics:
            return metric
        found = [label for label, column in self.metrics.items() if metric in (column.name, column.expression)]
        if len(found) == 1:
            return found[0]
        hint = f"Several are called so: {', '.join(found)}." if found else ""
        raise UnknownName("metric", metric, self.metrics, owner="the evaluation", hint=hint)

    def ranked(self, metric: str) -> list[str]:
        """List the explainers that a metric was measured of, the best mean first; NaN comes last."""
        label = self.label(metric)
        sign = -1 if self.metrics[label].better == "higher" else 1
        known = [name for name in self.explainers if (name, label) in self.cells]

        def place(name: str) -> tuple[bool, float]:
            mean = self.cells[name, label].mean
            return mean != mean, sign * mean

        return sorted(known, key=place)

    def to_csv(self, path: str | Path | None = None, *, each: bool = False) -> str:
        """Write a line for each explainer and metric, or with `each` for each example too, as CSV.

        Args:
            path: Where to; None gives the text alone.
            each: Whether every example has a line.

        Raises:
            OutputError: It cannot be written.
        """
        from .written import csv_text, written

        return written(csv_text(self, each), path)

    def to_json(self, path: str | Path | None = None) -> str:
        """Write everything as JSON: means, intervals, the figures of each example, curves, costs, versions.

        What is NaN is null there.

        Args:
            path: Where to; None gives the text alone.

        Raises:
            OutputError: It cannot be written.
        """
        from .written import json_text, written

        return written(json_text(self), path)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """Write the table as Markdown.

        Args:
            path: Where to; None gives the text alone.

        Raises:
            OutputError: It cannot be written.
        """
        from .written import markdown_text, written

        return written(markdown_text(self), path)

    def to_pandas(self, *, each: bool = False) -> Any:
        """Give a pandas DataFrame with a row for each explainer and metric, or with `each` for each example too.

        Raises:
            SetupError: pandas is not installed.
        """
        from .written import records

        try:
            import pandas
        except ImportError as error:
            raise SetupError("to_pandas needs pandas, which is not installed: pip install pandas.") from error
        return pandas.DataFrame.from_records(records(self, each))

    def plot(self, *, metrics: Sequence[str] = (), to: "Target | None" = None) -> "Figure":
        """Draw bars with their intervals, one panel for each metric, the best explainer on top.

        Args:
            metrics: Which columns; by default all.
            to: Write it there too: a path that ends in .png, .pdf or .svg, or a binary buffer, which gets png.

        Returns:
            A figure, which a notebook shows by itself; nothing stays open.

        Raises:
            UnknownName: There is no such metric.
            OutputError: The file cannot be written.
        """
        from .plots import bars

        return bars(self, [self.label(metric) for metric in metrics] or list(self.metrics), to)

    def plot_curves(self, metric: str, *, to: "Target | None" = None) -> "Figure":
        """Draw the mean curve of each explainer, with a band for its interval.

        Args:
            metric: A column whose metric is the summary of a curve, such as deletion.
            to: As for `plot`.

        Raises:
            UnknownName: There is no such metric.
            UsageError: It has no curve.
            OutputError: The file cannot be written.
        """
        from .plots import curves

        return curves(self, self.label(metric), to)

    def plot_cost(self, metric: str, *, over: Over = "rows", to: "Target | None" = None) -> "Figure":
        """Draw what each explainer reaches against what it costs.

        Args:
            metric: Which column.
            over: "rows", fed to the model for one example, or the "seconds" of the whole evaluation.
            to: As for `plot`.

        Raises:
            UnknownName: There is no such metric.
            UsageError: `over` is neither, or no explainer has both.
            OutputError: The file cannot be written.
        """
        from .plots import cost

        return cost(self, self.label(metric), over, to)

    def __rich__(self) -> "Group":
        from .shown import table

        return table(self)

    def __str__(self) -> str:
        from .shown import text

        return text(self, _WIDE)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .shown import html

        return html(self)


def versions() -> dict[str, str]:
    """Say what this runs on."""
    import tensorflow as tf

    found = {name: metadata.version(name) for name in ("xaikit", "keras", "numpy")}
    return found | {"tensorflow": tf.__version__, "python": platform.python_version()}
