"""Complexity."""

from ..core import Model, tf
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.ranking import relevance
from ..measuring.ratio import NAN


@metric(better="lower")
def complexity(model: Model) -> Measure:
    """Say over how many positions a map spreads its relevance: the entropy of its absolute values, as shares of 1.

    From 0, where one position has everything, to ln n, where all n have the same; exp of it is the number of positions
    that would be as complex. The sign of a map does not matter, nor its scale. The relevance of a position is the sum
    over its channels; a location map is resized to the input's positions first. NaN for a map that is 0 everywhere.

    Cost: none.

    Source:
        Bhatt, Weller, Moura 2020, "Evaluating and Aggregating Feature-based Model Explanations", arXiv:2005.00631: the
        definitions of the fractional contribution and of complexity.
    """

    def measure(case: Case) -> Measurement:
        sizes = tf.abs(tf.cast(relevance(case.maps, case.inputs), tf.float64))
        sizes = tf.math.divide_no_nan(sizes, tf.reduce_max(sizes, axis=1, keepdims=True))
        total = tf.reduce_sum(sizes, axis=1, keepdims=True)
        shares = tf.math.divide_no_nan(sizes, total)
        entropy = tf.abs(tf.reduce_sum(tf.math.xlogy(shares, shares), axis=1))  # no value is above 0
        return Measurement(tf.where(total[:, 0] > 0, entropy, NAN))

    return measure
