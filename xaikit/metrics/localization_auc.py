"""Localization AUC."""

from ..core import Model, tf
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.marked import marked, one_input
from ..measuring.midranks import midranks
from ..measuring.ratio import ratio


@metric(better="higher", masks=True, requires=one_input)
def localization_auc(model: Model) -> Measure:
    """Say how well a map tells the inside of the mask from the outside: the area under the ROC curve.

    It is the probability that a position inside has more relevance than one outside, of equal ones a half: from 0 to 1,
    0.5 by chance and for a map that is the same everywhere; of the negative map 1 less that. No map with the same order
    differs. The relevance of a position is the sum over its channels. NaN where the mask is empty, or holds everything.

    Cost: none.

    Raises:
        ModelError: The model has several inputs.
        InputError: The masks do not have the positions of the inputs.

    Source:
        Fawcett 2006, "An introduction to ROC analysis": the area as a probability, and as the rank statistic of
        Wilcoxon, from which it is computed here.
    """

    def measure(case: Case) -> Measurement:
        values, inside = marked(case)
        held = tf.cast(inside, tf.float64)
        hits = tf.reduce_sum(held, axis=1)
        misses = tf.reduce_sum(1 - held, axis=1)
        wins = tf.reduce_sum(midranks(values) * held, axis=1) - hits * (hits + 1) / 2
        return Measurement(ratio(wins, hits * misses))

    return measure
