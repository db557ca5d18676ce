"""Sparseness."""

from ..core import Model, tf
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.ranking import relevance
from ..measuring.ratio import ratio


@metric(better="higher")
def sparseness(model: Model) -> Measure:
    """Say how few positions hold a map's relevance: the Gini index of its absolute values.

    From 0, where all positions have the same, to 1 - 1/n, where one of n has everything. The sign of a map does not
    matter, nor its scale. The relevance of a position is the sum over its channels; a location map is resized to the
    input's positions first, which makes it less sparse. NaN for a map that is 0 everywhere.

    Cost: none.

    Source:
        Chalasani et al., "Concise Explanations of Neural Networks using Adversarial Training", 2020. arXiv:1810.06583:
        the Gini index of the absolute values of an attribution.
    """

    def measure(case: Case) -> Measurement:
        sizes = tf.sort(tf.abs(tf.cast(relevance(case.maps, case.inputs), tf.float64)), axis=1)  # from the smallest
        sizes = tf.math.divide_no_nan(sizes, sizes[:, -1:])
        count = tf.cast(tf.shape(sizes)[1], tf.float64)
        above = (count - tf.range(1, count + 1, dtype=tf.float64) + 0.5) / count
        return Measurement(1 - 2 * ratio(tf.reduce_sum(sizes * above, axis=1), tf.reduce_sum(sizes, axis=1)))

    return measure
