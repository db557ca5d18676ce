"""What metrics are judged on: maps of `gradients`, or `gradients` itself, masks, and each example's best class."""

import warnings
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np

from ..core import Explanation, Model, Step, Tensor, forward, tf
from ..errors import XaikitWarning
from ..measuring import Curve, Metric
from ..measuring.run import figures
from ..registry import find
from ..result import Explained
from .law import Broken, count, equal, explained, rows


class Found(NamedTuple):
    """What a metric finds.

    Attributes:
        values: [N] or [N, T].
        curve: The curve, where it gives one.
    """

    values: Any
    curve: Curve | None


@dataclass(frozen=True)
class Trial:
    """A metric and what it is to measure.

    Attributes:
        metric: The metric.
        model: The Keras model.
        inputs: [N, ...].
        targets: [N] or [N, T] class indices.
        subject: The maps of these targets, or an explainer.
        masks: [N, *positions]; None where the metric asks for none.
    """

    metric: Metric[Any]
    model: Any
    inputs: Any
    targets: Any
    subject: Any
    masks: Any

    def found(self, **options: Any) -> Found:
        """Measure on this machine's CPU or device, without XLA unless it is asked for, without a bar or a warning."""
        given = (self.subject, self.model, self.inputs, self.targets, self.masks)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", XaikitWarning)
            return Found(*figures(self.metric, *given, **{"jit": False, "progress": False, **options}))

    def of(self, chosen: Any) -> "Trial":
        """Keep some examples: `chosen` is a slice, or [n] places."""
        subject = self.subject if hasattr(self.subject, "bind") else rows(self.subject, chosen)
        masks = None if self.masks is None else self.masks[chosen]
        return self.changed(
            inputs=rows(self.inputs, chosen), targets=self.targets[chosen], subject=subject, masks=masks
        )

    def changed(self, **parts: Any) -> "Trial":
        """Give the trial with other parts."""
        return replace(self, **parts)


def trial(metric: Metric[Any], model: Any, inputs: Any, targets: Any = "top1") -> Trial:
    """Lay out what a metric needs: the explainer where it explains, else its maps; masks where it needs them."""
    explanation = cast(Explained, explained(find("gradients"), model, inputs, targets))
    wanted = metric.declaration
    chosen = explanation.targets[:, 0] if isinstance(targets, str) else np.asarray(targets)
    subject = find("gradients") if wanted.explains else explanation.maps
    return Trial(
        with_reference(metric, inputs), model, inputs, chosen, subject, some_masks(inputs) if wanted.masks else None
    )


def with_reference(metric: Metric[Any], inputs: Any) -> Metric[Any]:
    """Give a metric that draws from data the inputs as its `reference`: it draws from all of them always."""
    if "reference" in metric.parameters and metric.parameters["reference"] is None and not tf.nest.is_nested(inputs):
        return metric(reference=np.asarray(inputs))
    return metric


def some_masks(inputs: Any) -> Any:
    """Draw a mask for each example, [N, *positions], neither empty nor full."""
    shape = np.shape(tf.nest.flatten(inputs)[0])
    positions = shape if len(shape) == 2 else shape[:-1]
    masks = np.random.default_rng(3).random(positions) < 0.4
    flat = masks.reshape(count(inputs), -1)
    flat[:, 0], flat[:, -1] = True, False
    return masks


def alike(actual: Found, expected: Found, subject: str, tolerance: float = 0.0) -> float:
    """Compare what was found, as `equal` does; NaN has to be where NaN is expected.

    Raises:
        Broken: It differs.
    """
    figures = [_close(actual.values, expected.values, f"scores {subject}", tolerance)]
    if expected.curve is not None and actual.curve is not None:
        figures.append(_close(actual.curve.values, expected.curve.values, f"the curve {subject}", tolerance))
    return max(figures)


def _close(actual: Any, expected: Any, subject: str, tolerance: float) -> float:
    if actual.shape != expected.shape:
        raise Broken(f"{subject}: shape {actual.shape} instead of {expected.shape}")
    if not np.array_equal(np.isnan(actual), np.isnan(expected)):
        raise Broken(f"{subject}: NaN is not where it was")
    known = ~np.isnan(expected)
    return equal(actual[known], expected[known], subject, tolerance)


@dataclass(frozen=True)
class Constant:
    """An explainer whose maps have one value everywhere.

    Attributes:
        value: That value.
    """

    value: float

    def bind(self, model: Model, /) -> Step:
        """Give a step that looks at nothing."""

        def step(inputs: Tensor, targets: Tensor, /) -> Explanation:
            scores = forward(model, inputs, targets)

            def filled(leaf: Tensor) -> Tensor:
                maps = tf.fill(tf.concat([tf.shape(leaf), tf.shape(scores)[1:]], 0), tf.cast(self.value, scores.dtype))
                return tf.ensure_shape(maps, [*leaf.shape, scores.shape[-1]])

            return Explanation(scores, tf.nest.map_structure(filled, inputs))

        return step


def constant(subject: Any, value: float) -> Any:
    """Give maps of one value in place of maps, and an explainer that makes such in place of an explainer."""
    if hasattr(subject, "bind"):
        return Constant(value)
    return tf.nest.map_structure(lambda leaf: np.full_like(leaf, value), subject)
