"""A step is traced once, and XLA gives what the graph gives."""

import copy
from dataclasses import dataclass, field
from typing import Any

from ..core import Explainer, Explanation, Model, Step, Tensor, tf
from ..core.steps import bound
from .contract import clean_scores
from .law import FLOAT32, Broken, Skipped, count, equal, explained, rows


@dataclass(frozen=True)
class _Counting:
    """An explainer that counts how often its step is traced; equal to others around an equal explainer."""

    explainer: Explainer
    traces: list[int] = field(compare=False)

    def bind(self, model: Model, /) -> Step:
        step = bound(self.explainer, model)

        def counted(inputs: Tensor, targets: Tensor, /) -> Explanation:
            self.traces.append(1)
            return step(inputs, targets)

        return counted


def traced_once(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that batches, a short last one, new targets and an equal value made anew share one trace."""
    traces: list[int] = []
    explained(_Counting(explainer, traces), model, inputs, batch_size=2)
    first = len(traces)
    anew = copy.copy(explainer)
    for targets in ("top1", 0, [0] * count(inputs)):
        explained(_Counting(anew, traces), model, inputs, targets, batch_size=3)
    explained(_Counting(anew, traces), model, rows(inputs, slice(0, 1)))
    assert first, "the step was never traced"
    if len(traces) != first:
        raise Broken(f"there were {len(traces) - first} traces more than the first {first}", len(traces) - first)
    return 0.0


def compiled_alike(explainer: Explainer, model: Any, inputs: Any) -> float:
    """Check that XLA changes maps and scores by no more than the rounding of floats, where it compiles the model."""
    expected = explained(explainer, model, inputs)
    try:
        actual = explained(explainer, model, inputs, jit=True)
    except tf.errors.OpError as error:
        if compiles(model, inputs):
            raise Broken(f"XLA compiles the model, and not the explainer: {error.message}") from error
        raise Skipped("XLA does not compile the model") from error
    scores = equal(actual.scores, expected.scores, "scores under XLA", FLOAT32)
    return max(scores, equal(actual.maps, expected.maps, "maps under XLA", FLOAT32))


def compiles(model: Any, inputs: Any) -> bool:
    """Whether XLA compiles the model itself."""
    try:
        explained(clean_scores, model, inputs, jit=True)
    except tf.errors.OpError:
        return False
    return True
