"""Metrics run over data, batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import Explanation, Tensor, tf
from ..core.layouts import Channels
from ..engine.engine import Result, results
from ..engine.options import Options
from ..engine.sources import arranged
from ..errors import InputError, ModelError, UsageError, XaikitError
from .measured import FINITE, Measured
from .metric import Curve, Metric


class Figures(NamedTuple):
    """What metrics find in some examples.

    Attributes:
        values: By metric's spelling: [B, T].
        curves: By metric's spelling, of those that have one: [P] places, and [B, P, T].
        result: What the engine says of the batch beside that.
    """

    values: dict[str, Any]
    curves: dict[str, Curve]
    result: Result


def measured(
    metrics: Sequence[Metric[Any]],
    subject: Any,
    model: Any,
    inputs: Any,
    targets: Any = "top1",
    masks: Any = None,
    **options: Any,
) -> Iterator[Figures]:
    """Measure explanations batch by batch; one batch is held at a time, and its maps are not kept.

    Arguments and errors are those of a metric's call; here are several metrics, which share one explanation.
    """
    if isinstance(subject, str):
        raise UsageError(f"A metric takes an explainer, maps, or what explain gave, not a text: find({subject!r}).")
    beside: dict[str, Tensor] = {}
    explainer = subject if hasattr(subject, "bind") else None
    if isinstance(subject, Explanation):
        known = getattr(subject, "targets", None)
        if known is not None and isinstance(targets, str) and targets == "top1":
            targets = known
        subject = subject.maps
    if explainer is None:
        beside["maps"] = _maps(subject, options.get("channels", "last"))
    for metric in metrics:
        _check(metric, explainer, masks)
    if masks is not None:
        beside["masks"] = _masks(masks)
    chosen = Options(**options)
    ready = [_with_reference(metric, inputs, model, chosen.channels) for metric in metrics]
    made = results([Measured(explainer, tuple(ready))], model, inputs, targets, chosen, beside=beside)
    return _read(made, {repr(new): repr(given) for new, given in zip(ready, metrics, strict=True)})


def figures(metric: Metric[Any], *subject: Any, **options: Any) -> tuple[Any, Curve | None]:
    """Give one metric's values, [N] or [N, T], and its curve, if there is one."""
    parts = list(measured([metric], *subject, **options))
    values = np.concatenate([next(iter(part.values.values())) for part in parts])
    curves = [curve for part in parts for curve in part.curves.values()]
    if not curves:
        return _plain(values), None
    return _plain(values), Curve(curves[0].at, _plain(np.concatenate([curve.values for curve in curves])))


def _plain(values: Any) -> Any:
    """Leave out the axis of targets where there is one target."""
    return values[..., 0] if values.shape[-1] == 1 else values


def _read(made: Iterator[list[Result]], names: Mapping[str, str]) -> Iterator[Figures]:
    """Read what the engine gives, by the spellings that the metrics were given in."""
    first = 0
    for (result,) in _renaming(made, names):
        found = {names.get(text, text): table for text, table in result.maps.items()}
        _check_maps(found.pop(FINITE), first)
        first += len(result.scores)
        values = {text: table[:, 0] for text, table in found.items()}
        yield Figures(values, {text: _curve(table) for text, table in found.items() if table.shape[1] > 1}, result)


def _renaming(made: Iterator[list[Result]], names: Mapping[str, str]) -> Iterator[list[Result]]:
    try:
        yield from made
    except XaikitError as error:
        error.metric = names.get(error.metric, error.metric)
        raise


def _curve(table: Any) -> Curve:
    points = (table.shape[1] - 1) // 2
    return Curve(table[0, 1 + points :, 0], table[:, 1 : 1 + points])


def _check(metric: Metric[Any], explainer: Any, masks: Any) -> None:
    if metric.declaration.explains and explainer is None:
        raise UsageError(f"{metric!r} explains changed inputs or models: give it the explainer, not its maps.")
    if metric.declaration.masks and masks is None:
        raise UsageError(f"{metric!r} compares with masks: give masks=, [N, *positions], true on what should be found.")


def _check_maps(finite: Any, first: int) -> None:
    if not finite.all():
        bad = first + int(np.flatnonzero(~finite.all(axis=(1, 2)))[0])
        raise ModelError(f"The map of example {bad} is not finite, so there is nothing to measure.")


def _maps(maps: Any, channels: Channels) -> Tensor:
    if channels != "last":
        raise UsageError("Maps are measured with channels='last' only: give the explainer, or transpose the data.")

    def one(leaf: Any) -> Any:
        array = np.asarray(leaf)
        if array.dtype.kind != "f" or array.ndim < 3:
            raise InputError(f"Maps must be floats [N, ..., T], not {array.dtype.name} {array.shape}.")
        return array

    return tf.nest.map_structure(one, maps)


def _masks(masks: Any) -> Any:
    array = np.asarray(masks)
    if array.dtype.kind not in "bui" and not np.isin(array, (0, 1)).all():
        raise InputError("Masks must be true or false, or 1 or 0.")
    return array.astype(bool, copy=False)


def _with_reference(metric: Metric[Any], inputs: Any, model: Any, channels: Channels) -> Metric[Any]:
    """Give a metric that draws from a "dataset" the inputs' statistics, where they are at hand and it has no others."""
    parameters = metric.parameters
    wanting = "reference" in parameters and parameters["reference"] is None and "dataset" in parameters.values()
    if not wanting or not hasattr(inputs, "__array__"):
        return metric
    values = np.asarray(tf.nest.flatten(arranged(inputs, model, channels))[0])
    mean = values.mean(axis=0, dtype=np.float64)
    deviation = np.sqrt(sum(np.square(each - mean) for each in values) / len(values))
    # two examples with the mean and deviation of all: a copy of the data would be kept with the metric
    return Metric(metric.declaration, metric.with_values({"reference": np.stack([mean - deviation, mean + deviation])}))
