"""The work of `xaikit evaluate`: what was asked for, the comparison, its files, and the thresholds."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ThresholdMissed, UsageError
from ..evaluation import Evaluation, evaluate
from ..measuring import Metric
from ..registry import find, registry
from .folder import MANIFEST, save_json
from .machine import Machine
from .naming import target_of

_BY_DEFAULT = ("deletion(steps=20)", "insertion(steps=20)")
_WITH_MASKS = ("relevance_mass", "relevance_rank")
_EMBEDDED = 24  # pictures


class Threshold(NamedTuple):
    """What a metric's mean must reach.

    Attributes:
        metric: A metric's spelling or name.
        value: The mean that is just good enough.
        better: "higher" where the mean must not be lower, "lower" where it must not be higher.
    """

    metric: str
    value: float
    better: str


@dataclass(frozen=True)
class Wanted:
    """What was asked for, checked as far as it can be without TensorFlow."""

    explainers: list[Any]
    metrics: list[Metric[Any]]
    model: Path | None
    data: Path | None
    suite: str
    target: Any
    preprocess: str
    size: str
    thresholds: list[Threshold]

    @classmethod
    def read(
        cls,
        expressions: Sequence[str],
        metrics: Sequence[str],
        model: Path | None,
        data: Path | None,
        suite: str,
        target: str,
        preprocess: str,
        size: str,
        thresholds: list[Threshold],
    ) -> "Wanted":
        """Check what was asked for.

        Raises:
            UsageError: Things that do not go together.
            XaikitError: An expression cannot be read.
        """
        if suite and (model is not None or data is not None or target):
            raise UsageError("A suite brings its own model and data: leave --model, --data and --target out.")
        if not suite and not expressions:
            raise UsageError('Give the expressions to compare, such as gradcam "smooth(gradients)", or a --suite.')
        if model is not None and data is None:
            raise UsageError("Give the data to evaluate on with --model: --data FOLDER, or --data FILE.npz.")
        read = [find(text) for text in metrics]
        if bad := next((metric for metric in read if not isinstance(metric, Metric)), None):
            raise UsageError(f"--metrics takes metrics, and {bad!r} is none: `xaikit list-methods` lists them.")
        for threshold in thresholds:
            for metric in _meant(threshold, read):
                _check_direction(metric.name, metric.better, threshold)
        aim = target_of(target, []) if target else None
        return cls([find(text) for text in expressions], read, model, data, suite, aim, preprocess, size, thresholds)


def read_thresholds(under: Sequence[str], above: Sequence[str]) -> list[Threshold]:
    """Read METRIC=VALUE of --fail-under and --fail-above.

    Raises:
        UsageError: It is not that.
    """
    return [_threshold(text, "higher") for text in under] + [_threshold(text, "lower") for text in above]


def _threshold(text: str, better: str) -> Threshold:
    metric, equals, value = text.rpartition("=")
    try:
        return Threshold(metric.strip(), _finite(value), better) if equals and metric else _finite("")
    except ValueError:
        option = "--fail-under" if better == "higher" else "--fail-above"
        raise UsageError(f"{option} takes METRIC=VALUE, such as relevance_mass=0.5, not {text!r}.") from None


def _finite(text: str) -> Any:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError
    return value


def compare(wanted: Wanted, machine: Machine, *, strict: bool, trust: bool, tell: Callable[[str], None]) -> Evaluation:
    """Evaluate what was asked for."""
    if wanted.suite:
        from ..evaluation.suites import suite

        made = suite(wanted.suite)
        tell(made.text)
        found: Evaluation = made.evaluate(
            wanted.explainers or None, metrics=wanted.metrics, strict=strict, **machine.options
        )
    else:
        from .data import examples

        given = examples(wanted, _EMBEDDED, trust, tell)
        targets = wanted.target if wanted.target is not None else given.targets
        found = evaluate(
            wanted.explainers,
            machine.placed(given.model, tell),
            given.inputs,
            "top1" if targets is None else targets,
            metrics=wanted.metrics or _defaults(given.masks is not None),
            masks=given.masks,
            strict=strict,
            **machine.options,
        )
    for threshold in wanted.thresholds:
        column = found.metrics[found.label(threshold.metric)]
        _check_direction(column.name, column.better, threshold)
    return found


def _defaults(with_masks: bool) -> list[Any]:
    """The metrics that are asked for where nothing is said, as far as they are there."""
    names = [*_BY_DEFAULT, *(_WITH_MASKS if with_masks else ())]
    return [find(name) for name in names if name.partition("(")[0] in registry().catalogue]


def _meant(threshold: Threshold, metrics: Sequence[Metric[Any]]) -> list[Metric[Any]]:
    """Guess, before anything is run, which metrics a threshold is for; a suite may have some of its own."""
    wanted = threshold.metric.rpartition(": ")[2]
    asked = [metric for metric in metrics if wanted in (metric.name, repr(metric))]
    entry = registry().catalogue.get(wanted)
    return asked or ([entry.value] if entry is not None and isinstance(entry.value, Metric) else [])


def _check_direction(name: str, better: str, threshold: Threshold) -> None:
    if better != threshold.better:
        right = "--fail-under" if better == "higher" else "--fail-above"
        raise UsageError(f"Of {name}, {better} is better: say {right} {threshold.metric}=VALUE.")


def check_thresholds(found: Evaluation, thresholds: Sequence[Threshold], tell: Callable[[str], None]) -> None:
    """Hold every explainer's mean against the thresholds; what was not measured misses them.

    Raises:
        ThresholdMissed: One is missed.
    """
    missed = []
    for threshold in thresholds:
        label = found.label(threshold.metric)
        for name in found.explainers:
            cell = found.cells.get((name, label))
            mean = math.nan if cell is None else cell.mean
            holds = mean >= threshold.value if threshold.better == "higher" else mean <= threshold.value
            wanted = f"{'at least' if threshold.better == 'higher' else 'at most'} {threshold.value:g}"
            tell(f"{'ok' if holds else 'missed'}: {label} of {name} is {mean:.4g}, wanted {wanted}")
            if not holds:
                missed.append(f"{label} of {name} is {mean:.4g}, not {wanted}")
    if missed:
        raise ThresholdMissed(f"{len(missed)} of the thresholds are missed: {'; '.join(missed)}.")


def write_folder(found: Evaluation, folder: Path) -> None:
    """Write the table in three formats, and the plots."""
    from ..evaluation.written import data

    files = ["evaluation.csv", "evaluation.json", "evaluation.md", "bars.png"]
    found.to_csv(folder / files[0])
    found.to_json(folder / files[1])
    found.to_markdown(folder / files[2])
    found.plot(to=folder / files[3])
    for i, (label, column) in enumerate(found.metrics.items(), start=1):
        if any(owner == label for _, owner in found.cells):
            files.append(f"cost-{i}-{_slug(label)}.png")
            found.plot_cost(label, to=folder / files[-1])
        if column.curve and any(cell.band for (_, owner), cell in found.cells.items() if owner == label):
            files.append(f"curves-{i}-{_slug(label)}.png")
            found.plot_curves(label, to=folder / files[-1])
    save_json(folder / MANIFEST, {"versions": data(found)["versions"], "files": [*files, MANIFEST]})


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:40]
