"""An explainer that gives, in place of maps, what metrics find in them: so the engine measures as it explains."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ..core import Explainer, Explanation, Model, Step, Tensor, forward, tf
from ..core.steps import bound
from ..core.tracing import at_level, current, tracing
from ..errors import UsageError, XaikitError
from .case import Case, Measure
from .metric import Metric

_LEVEL = 10_000  # above any explainer's: a metric draws the same for maps as for the explainer that makes them
FINITE = ""  # the name under which it is said whether maps are finite


@dataclass(frozen=True)
class Measured:
    """Metrics of the maps of an explainer, or of maps that are given beside the inputs.

    Its maps are, by the metric's spelling, [B, 1 + 2 P, T]: the values, then the curve and its places
    where there is one.

    Attributes:
        explainer: Whose maps are measured; None for maps that are given.
        metrics: What to measure.
    """

    explainer: Explainer | None
    metrics: tuple[Metric[Any], ...]
    measures = True  # tells the engine that these are figures: they may be NaN, and lie on no positions

    def bind(self, model: Model, /) -> Step:
        """Bind the explainer and all metrics."""
        step = _Given(model) if self.explainer is None else bound(self.explainer, model)
        measures = {repr(metric): self._bound(metric, model) for metric in self.metrics}

        def measured(inputs: Tensor, targets: Tensor, /) -> Explanation:
            scores, maps = step(inputs, targets)
            masks = current().beside.get("masks")
            found = {FINITE: _finite(maps, scores)}
            with at_level(_LEVEL, repr(self)):
                for text, measure in measures.items():
                    with _on_behalf_of(text):
                        found[text] = _each_target(measure, Case(inputs, targets, scores, maps, masks))
            return Explanation(scores, found)

        return measured

    def _bound(self, metric: Metric[Any], model: Model) -> Measure:
        with at_level(_LEVEL, repr(self)), _on_behalf_of(repr(metric)):
            return metric.prepare(self.explainer, model)


class _Given:
    """A step that gives the maps which stand beside the inputs."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def __call__(self, inputs: Tensor, targets: Tensor, /) -> Explanation:
        scores, maps = forward(self.model, inputs, targets), current().beside["maps"]
        for leaf in tf.nest.flatten(maps):
            if scores.shape[-1] is not None and leaf.shape[-1] != scores.shape[-1]:
                raise UsageError(
                    f"The maps are of {leaf.shape[-1]} targets, their last axis, and {scores.shape[-1]} are asked for: "
                    "give the targets that they were made for."
                )
        return Explanation(scores, maps)


@contextmanager
def _on_behalf_of(text: str) -> Iterator[None]:
    """Say of an error which metric it befell, so that the others can be measured without it.

    What a metric notes is kept apart: notes and details are the explainer's.
    """
    try:
        with tracing(replace(current(), notes={}, details=None)):
            yield
    except XaikitError as error:
        error.metric = error.metric or text
        raise


def _finite(maps: Tensor, scores: Tensor) -> Tensor:
    """Say of each example whether its maps are finite, [B, 1, T]: 1 or 0."""
    leaves = [
        tf.reduce_all(tf.math.is_finite(leaf), axis=list(range(1, leaf.shape.rank))) for leaf in tf.nest.flatten(maps)
    ]
    found = tf.cast(tf.reduce_all(tf.stack(leaves), axis=0), scores.dtype)
    return tf.ones_like(scores)[:, tf.newaxis] * found[:, tf.newaxis, tf.newaxis]


def _each_target(measure: Measure, case: Case) -> Tensor:
    """Measure the targets in turn, [B, 1 + 2 P, T]: a metric knows of one only."""
    columns = case.scores.shape[-1]
    if columns == 1:
        return _figures(measure, _column(case, 0))[..., tf.newaxis]
    if case.targets.shape[-1] != columns:
        raise UsageError("A target function that gives several scores cannot be measured: ask for them one by one.")
    signature = tf.TensorSpec(None, case.scores.dtype)
    found = tf.map_fn(
        lambda t: _figures(measure, _column(case, t)),
        tf.range(tf.shape(case.scores)[-1]),
        fn_output_signature=signature,
    )
    return tf.transpose(tf.ensure_shape(found, [columns, None, None]), [1, 2, 0])


def _column(case: Case, t: Any) -> Case:
    """Keep one target."""
    targets = case.targets if case.targets.shape[-1] == 1 else case.targets[:, t, tf.newaxis]
    maps = tf.nest.map_structure(lambda leaf: leaf[..., t], case.maps)
    return case._replace(targets=targets, maps=maps, scores=case.scores[:, t])


def _figures(measure: Measure, case: Case) -> Tensor:
    """Give one target's values, curve and places side by side, [B, 1 + 2 P]."""
    found = measure(case)
    dtype = case.scores.dtype
    values = tf.cast(found.values, dtype)[:, tf.newaxis]
    if found.curve is None:
        return values
    curve = tf.cast(found.curve, dtype)
    return tf.concat([values, curve, tf.zeros_like(curve) + tf.cast(found.at, dtype)], axis=1)
