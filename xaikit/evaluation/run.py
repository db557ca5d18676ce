"""Explainers run side by side over the same data, all metrics of each from one explanation."""

import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ..core.layouts import Channels
from ..engine.options import BatchSize, Jit, Options, Precision, Progress
from ..errors import UsageError, XaikitError, XaikitWarning
from ..measuring import Metric
from ..measuring.run import Figures as Batch
from ..measuring.run import measured
from ..registry import find
from .evaluation import Column, Cost, Evaluation, versions
from .feed import Feed
from .figures import Figures, Sureness
from .progress import Bar
from .rows import rows_fed

_BY_DEFAULT = Sureness()


def evaluate(
    explainers: Any,
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    *,
    metrics: Any,
    masks: Any = None,
    batch_size: BatchSize = 32,
    scores: Literal["logits", "outputs"] = "logits",
    channels: Channels = "last",
    jit: Jit = "auto",
    precision: Precision = None,
    steps: int | None = None,
    callbacks: Sequence[Any] = (),
    progress: Progress = "auto",
    strict: bool = False,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Measure how good explainers are, and compare them.

    All metrics of an explainer come from one compiled step and share its explanation. The explainers go through the
    data side by side, batch by batch, in one pass; what each example scored is kept, its maps and curves are not.

    Args:
        explainers: One or several, values or texts: `gradcam`, `["gradcam", smooth(gradients)]`, or by names of your
            own, `{"ours": "tta(gradcam)"}`.
        model: A built `keras.Model`.
        inputs: [N, ...] arrays, a `tf.data.Dataset`, a `keras.utils.PyDataset` or a generator, as for `explain`.
        targets: As for `explain`.
        metrics: One or several, values or texts: `["deletion(steps=20)", insertion]`.
        masks: [N, *positions], true where the explanation should be, for the metrics that need them; in the order of
            the inputs, in whatever batches these come.
        batch_size: The most rows that the model is fed at once, those of the metrics included.
        scores: As for `explain`.
        channels: As for `explain`.
        jit: As for `explain`.
        precision: As for `explain`.
        steps: As for `explain`.
        callbacks: As for `explain`; each explainer calls them for each of its batches.
        progress: A bar on stderr over explainers and examples; "auto" shows it on a terminal when the work is long.
        strict: Raise the first error; by default what cannot be measured is told in `errors`, and the rest is measured.
        confidence: The share of resampled means that an interval holds, between 0 and 1.
        resamples: How many means are resampled for an interval.
        seed: Which draws the intervals come from.

    Returns:
        A table of explainers by metrics: see `Evaluation`.

    Raises:
        UsageError: No explainer, no metric, or one in the place of the other; no masks for a metric that needs them.
        ParameterError: A value is out of range.
        XaikitError: As `explain` does, where nothing can be measured or `strict` is asked for.
    """
    found, error = compared(
        explainers,
        model,
        inputs,
        targets,
        metrics=metrics,
        masks=masks,
        strict=strict,
        sureness=Sureness(confidence, resamples, seed),
        batch_size=batch_size,
        scores=scores,
        channels=channels,
        jit=jit,
        precision=precision,
        steps=steps,
        callbacks=callbacks,
        progress=progress,
    )
    if not found.cells and error is not None:
        raise error
    return found


def compared(
    explainers: Any,
    model: Any,
    inputs: Any,
    targets: Any,
    *,
    metrics: Any,
    masks: Any,
    strict: bool = False,
    counted: bool = True,
    sureness: Sureness = _BY_DEFAULT,
    **options: Any,
) -> tuple[Evaluation, XaikitError | None]:
    """Do as `evaluate`, also where nothing can be measured: the first error is given beside the table.

    The rows of an explainer are counted only if that is wanted.
    """
    chosen, columns = read_explainers(explainers), _metrics(metrics)
    sureness.check()
    asked = Options(**options)
    asked.check()
    feed = Feed(inputs, model, asked.channels, asked.steps)

    def start(explainer: Any, some: Sequence[Metric[Any]]) -> Iterator[Batch]:
        quiet = replace(asked, steps=feed.steps, progress=False)
        return measured(some, explainer, model, feed.reader(), targets, masks, **vars(quiet))

    runs = {label: _Run(explainer, columns, start, feed, strict) for label, explainer in chosen.items()}
    bar = Bar(asked.progress, None if feed.count is None else feed.count * len(runs), "evaluating")
    example = {label: feed.example() for label in runs}
    try:
        _side_by_side(list(runs.values()), feed, bar)
    finally:
        bar.close()
    costs = {}
    for label, run in runs.items():
        for text in run.warnings:
            warnings.warn(f"{label}: {text}", XaikitWarning, stacklevel=3)
        one = example[label] if run.found and counted else None
        rows = None if one is None else rows_fed(run.explainer, model, one, targets, asked)
        costs[label] = Cost(run.seconds, rows)
    made = Evaluation(
        explainers={label: repr(explainer) for label, explainer in chosen.items()},
        metrics={text: Column.of(metric) for text, metric in columns.items()},
        cells={(label, text): kept.cell(sureness) for label, run in runs.items() for text, kept in run.found.items()},
        errors={(label, text): why for label, run in runs.items() for text, why in run.errors.items()},
        costs=costs,
        notes={label: run.notes for label, run in runs.items()},
        examples=max(run.examples for run in runs.values()),
        confidence=sureness.confidence,
        versions=versions(),
    )
    return made, next((run.raised for run in runs.values() if run.raised is not None), None)


class _Run:
    """One explainer's way through the data.

    Attributes:
        found: Figures by metric.
        errors: Why a metric could not be measured.
        examples: How many examples were measured.
        seconds: How long it took, tracing included, without the waiting for data.
        notes: What was chosen, as `explain` notes it.
        warnings: What the user should know.
    """

    def __init__(
        self, explainer: Any, metrics: Mapping[str, Metric[Any]], start: Callable[..., Any], feed: Feed, strict: bool
    ) -> None:
        self.explainer = explainer
        self.found = {text: Figures() for text in metrics}
        self.errors: dict[str, str] = {}
        self.raised: XaikitError | None = None
        self.examples = 0
        self.seconds = 0.0
        self.notes: dict[str, str] = {}
        self.warnings: dict[str, None] = {}
        self._metrics, self._start, self._feed, self._strict = metrics, start, feed, strict
        self._batches: Iterator[Batch] | None = None

    def advance(self) -> int:
        """Measure a batch, and say how many examples it held: 0 at the end."""
        begun, waited = time.perf_counter(), self._feed.seconds
        try:
            return self._advance()
        finally:
            self.seconds += time.perf_counter() - begun - (self._feed.seconds - waited)

    def _advance(self) -> int:
        while self.found:
            try:
                if self._batches is None:
                    self._batches = self._start(self.explainer, [self._metrics[text] for text in self.found])
                batch = next(self._batches, None)
            except XaikitError as error:
                self._fail(error)
                continue
            if batch is None:
                return 0
            for text, values in batch.values.items():
                self.found[text].add(values, batch.curves.get(text))
            self.notes = {**batch.result.notes, **self.notes}
            self.warnings |= dict.fromkeys(batch.result.warnings)
            self.examples += len(batch.result.scores)
            return len(batch.result.scores)
        return 0

    def _fail(self, error: XaikitError) -> None:
        """Leave out the metric that failed, if it was one before the first batch; else everything."""
        if self._strict or error is self._feed.broken:
            raise error
        _clear(error)
        self.raised = self.raised or error
        lost = [error.metric] if error.metric in self.found and not self.examples else list(self.found)
        for text in lost:
            del self.found[text]
            self.errors[text] = str(error)
        self._batches = None


def _clear(error: BaseException | None) -> None:
    """Let go of what the frames of an error hold, the data among it, and keep its lines."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _side_by_side(runs: Sequence[_Run], feed: Feed, bar: Bar) -> None:
    """Take a batch of each in turn: so the data is read once, and little of it is held."""
    going = list(runs)
    while going:
        for run in list(going):
            count = run.advance()
            bar.advance(count)
            if not count:
                going.remove(run)
        feed.release()


def read_explainers(given: Any) -> dict[str, Any]:
    """Give explainers by their labels, values or texts.

    Raises:
        UsageError: There is none, one is there twice, or something is no explainer.
    """
    if isinstance(given, Mapping):
        named = [(str(label), _read(value)) for label, value in given.items()]
    else:
        several = given if isinstance(given, (list, tuple)) else [given]
        values = [_read(value) for value in several]
        named = [(repr(value), value) for value in values]
    found = dict(named)
    for label, value in named:
        if isinstance(value, Metric):
            raise UsageError(f"{value!r} is a metric: explainers make maps, give it as one of the metrics.")
        if isinstance(value, type) or not callable(getattr(value, "bind", None)):
            raise UsageError(f"An explainer must be a value with bind, or its text, not {value!r}.")
        if sum(other == label for other, _ in named) > 1:
            raise UsageError(f"{label} is there twice: give a dict of names if it is meant.")
    if not found:
        raise UsageError("There is no explainer to evaluate: give at least one.")
    return found


def _metrics(given: Any) -> dict[str, Metric[Any]]:
    """Give metrics by their spellings."""
    values = [_read(value) for value in (given if isinstance(given, (list, tuple)) else [given])]
    for value in values:
        if not isinstance(value, Metric):
            raise UsageError(f"{value!r} is no metric: `xaikit list-methods` lists them.")
    if not values:
        raise UsageError("There is no metric to evaluate by: give at least one.")
    return {repr(value): value for value in values}


def _read(value: Any) -> Any:
    return find(value) if isinstance(value, str) else value
