"""Relevance mass."""

from ..core import Model, tf
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.marked import marked, one_input, unless_empty
from ..measuring.ratio import ratio


@metric(better="higher", masks=True, requires=one_input)
def relevance_mass(model: Model) -> Measure:
    """Say what share of a map's positive relevance lies inside the mask.

    From 0 to 1; a map that is the same everywhere has the mask's share of the positions. The scale of a map does not
    matter, a constant added to it does. The relevance of a position is the sum over its channels, of which the positive
    part counts; for another pooling give the explainer `over_channels(e, how="l2")`. NaN where the mask is empty, or
    nothing is positive.

    Cost: none.

    Raises:
        ModelError: The model has several inputs.
        InputError: The masks do not have the positions of the inputs.

    Source:
        Arras, Osman, Samek 2020, "Ground Truth Evaluation of Neural Network Explanations with CLEVR-XAI",
        arXiv:2003.07258: relevance mass accuracy. Of the paper's poolings this is the sum and its positive part.
    """

    def measure(case: Case) -> Measurement:
        values, inside = marked(case)
        positive = tf.nn.relu(tf.cast(values, tf.float64))
        positive = tf.math.divide_no_nan(positive, tf.reduce_max(positive, axis=1, keepdims=True))  # no overflow
        held = tf.reduce_sum(tf.where(inside, positive, 0), axis=1)
        return Measurement(unless_empty(ratio(held, tf.reduce_sum(positive, axis=1)), inside))

    return measure
