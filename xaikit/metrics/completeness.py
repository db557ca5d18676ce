"""Completeness."""

from typing import Any

from ..core import Model, forward, tf
from ..core.baselines import Baseline, baselines
from ..core.completeness import total
from ..errors import ParameterError
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.ratio import ratio


def _check(model: Any, *, baseline: Baseline, **_: Any) -> None:
    if baseline == "uniform":
        raise ParameterError("completeness: baseline 'uniform' draws another one than the explainer did: give one.")


@metric(better="lower", requires=_check)
def completeness(model: Model, *, baseline: Baseline = 0.0, relative: bool = False) -> Measure:
    """Say how far a map is from adding up to the score that the baseline lacks: |sum - (f(x) - f(baseline))|.

    From 0, up to rounding, for maps that are complete for this baseline; in the units of the score, or with `relative`
    as a share of |f(x) - f(baseline)|. f is the score that is explained, as `scores=` says. The sum is that of the raw
    map over positions and channels, in whatever size it comes. The same gap with its sign, the sum less what was
    promised, is what `explain(..., details=True)` reports of methods that promise it.

    Cost: one forward pass, of the baseline.

    Args:
        baseline: The one that the explainer compares with: a number in the input's units; "mean" (each example's own,
            per channel), "blur" (its own, a Gaussian of a tenth of each side); or an array like one example.
        relative: Divide by |f(x) - f(baseline)|: NaN where that is 0.

    Raises:
        ParameterError: The baseline does not fit the model's input, or is drawn.

    Source:
        Sundararajan et al., "Axiomatic Attribution for Deep Networks", 2017. arXiv:1703.01365: the axiom of
        completeness, and proposition 1.
    """
    begin = baselines(model, baseline)

    def measure(case: Case) -> Measurement:
        scores = [forward(model, x, case.targets)[:, 0] for x in (case.inputs, begin(case.inputs)((0,)))]
        promised = tf.cast(scores[0], tf.float64) - tf.cast(scores[1], tf.float64)
        maps = tf.nest.map_structure(lambda leaf: tf.cast(leaf, tf.float64)[..., tf.newaxis], case.maps)
        gap = tf.abs(total(maps)[:, 0] - promised)
        return Measurement(ratio(gap, tf.abs(promised)) if relative else gap)

    return measure
