"""Deletion: the score while the most relevant positions are taken away."""

from ..core import Count, Model, Seed
from ..core.baselines import Baseline, baselines
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.outputs import On, seen
from ..measuring.ranking import position_count
from ..measuring.removal import area, counts_of, places, removal_curve


@metric(better="lower", curve=True)
def deletion(
    model: Model, *, steps: Count = 50, baseline: Baseline = 0.0, on: On = "probability", seed: Seed = 0
) -> Measure:
    """Area under the curve of the score while the most relevant positions are replaced by the baseline.

    The curve starts at the score of the input and ends at that of the baseline; its area, by trapezoids over the share
    that is removed, is its mean height: in [0, 1] for probabilities, and lower is better. All channels of a position
    are removed together; several inputs are ranked together, and one that the map does not lie on stays. Positions of
    equal relevance go in a random order, the same for every example, so that a map which is constant scores as a
    random order does.

    Cost: `steps` forward passes beside that of the clean input; fewer where there are fewer positions.

    Args:
        steps: In how many equal shares positions are removed; the curve has one point more.
        baseline: What takes the place of what is removed: a number in the input's units, "mean" (each example's own,
            per channel), "blur" (its own Gaussian blur), "uniform" (seeded draws over its own range, per channel), or
            an array like one example. What suits depends on the model: to most of them zeros are something, too.
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
        curve = removal_curve(view, case, places(case, "most_relevant", seed), counts, fill)
        return Measurement(area(curve, counts / count), curve, counts / count)

    return measure
