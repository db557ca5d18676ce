"""What a metric is asked about, and what it answers: one target of each example."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ..core import Tensor


class Case(NamedTuple):
    """Explanations to be measured, of one target of each example.

    Attributes:
        inputs: [B, ...], in the model's structure, channels last.
        targets: [B, 1], what `forward(model, inputs, targets)` takes to give that target's scores, [B, 1].
        scores: [B], the clean inputs' scores, as the explainer saw them.
        maps: [B, *positions] or [B, *input_shape], raw and signed; of several inputs in their structure.
        masks: [B, *positions], true where the explanation should be; None where nobody said.
    """

    inputs: Tensor
    targets: Tensor
    scores: Tensor
    maps: Tensor
    masks: Tensor | None


class Measurement(NamedTuple):
    """What a metric finds.

    Attributes:
        values: [B], one score for each example; NaN where there is nothing to measure.
        curve: [B, P], of which `values` are the summary, where there is one.
        at: [P], the places of the curve's points.
    """

    values: Tensor
    curve: Tensor | None = None
    at: Tensor | None = None


Measure: TypeAlias = Callable[[Case], Measurement]
