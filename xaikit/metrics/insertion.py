"""Insertion: the score while the most relevant positions are put into the baseline."""

from ..core import Count, Model, Seed, tf
from ..core.baselines import Baseline, baselines
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.outputs import On, seen
from ..measuring.ranking import position_count
from ..measuring.removal import area, counts_of, places, removal_curve


@metric(better="higher", curve=True)
def insertion(
    model: Model, *, steps: Count = 50, baseline: Baseline = 0.0, on: On = "probability", seed: Seed = 0
) -> Measure:
    """Area under the curve of the score while the most relevant positions of the input are put into the baseline.

    The curve starts at the score of the baseline and ends at that of the input; its area, by trapezoids over the share
    that is put in, is its mean height: in [0, 1] for probabilities, and higher is better. It is the curve of `deletion`
    of the negative map, read backwards. What is said there of channels, several inputs and positions of equal relevance
    holds here.

    Cost: `steps` forward passes beside that of the clean input; fewer where there are fewer positions.

    Args:
        steps: In how many equal shares positions are put in; the curve has one point more.
        baseline: What stands where nothing is put in yet: a number in the input's units, "mean" (each example's own,
            per channel), "blur" (its own Gaussian blur, as in the paper), "uniform" (seeded draws over its own range,
            per channel), or an array like one example.
        on: Whether the "probability" is followed, or the "logit".
        seed: Which order positions of equal relevance are in.

    Raises:
        ModelError: No softmax or sigmoid makes the outputs, which are no probabilities then.
        ParameterError: The baseline does not fit the model's inputs.

    Source:
        Petsiuk, Das, Saenko, "RISE", 2018. arXiv:1806.07421, the section on causal metrics.
    """
    view = seen(model, on)
    prepared = baselines(model, baseline)

    def measure(case: Case) -> Measurement:
        count = position_count(case.maps, case.inputs)
        counts = counts_of([i / steps for i in range(steps + 1)], count)
        fill = prepared(case.inputs)((seed,))
        removed = removal_curve(view, case, places(case, "least_relevant", seed), counts, fill)
        curve, at = tf.reverse(removed, [1]), 1 - counts[::-1] / count
        return Measurement(area(curve, at), curve, at)

    return measure
