"""Deletion."""

from ..core import Count, Model, Tensor, tf
from ..core.baselines import Baseline, baselines
from ..core.copies import Number
from ..core.masking import masked_scores
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.outputs import On, seen
from ..measuring.ranking import at_positions, ranks, relevance


@metric(better="lower", curve=True)
def deletion(model: Model, *, steps: Count = 50, baseline: Baseline = 0.0, on: On = "probability") -> Measure:
    """Area under the curve of the score while the most relevant positions are replaced by the baseline.

    Args:
        steps: In how many equal shares positions are removed; the curve has one point more.
        baseline: What takes the place of a position that is removed.
        on: Whether the "probability" is followed, or the "logit".

    Source:
        Petsiuk, Das, Saenko 2018, "RISE", arXiv:1806.07421, section 4.
    """
    view = seen(model, on)
    prepared = baselines(model, baseline)

    def measure(case: Case) -> Measurement:
        inputs = case.inputs
        place = ranks(relevance(case.maps, inputs), (0,))
        count = tf.cast(tf.shape(place)[1], tf.float64)
        fill = prepared(inputs)((0,))

        def copy(i: Number) -> Tensor:
            gone = tf.cast(place, tf.float64) < tf.round(tf.cast(i, tf.float64) / steps * count)
            return tf.where(at_positions(gone, inputs), fill, inputs)

        curve = masked_scores(view, inputs, case.targets, steps + 1, copy)[:, 0]
        area = tf.reduce_mean((curve[:, 1:] + curve[:, :-1]) / 2, axis=1)
        return Measurement(area, curve, tf.linspace(0.0, 1.0, steps + 1))

    return measure
