"""Relevance rank."""

from ..core import Model, Tensor, tf
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.marked import marked, one_input, unless_empty
from ..measuring.ratio import ratio


@metric(better="higher", masks=True, requires=one_input)
def relevance_rank(model: Model) -> Measure:
    """Say what share of the K most relevant positions lies inside the mask, which has K positions.

    From 0 to 1; a map that is the same everywhere has the mask's share of the positions. Of positions with equal
    relevance, of which only some are among the K, the share to be expected counts. No map with the same order differs.
    The relevance of a position is the sum over its channels. NaN where the mask is empty.

    Cost: none.

    Raises:
        ModelError: The model has several inputs.
        InputError: The masks do not have the positions of the inputs.

    Source:
        Arras, Osman, Samek 2020, "Ground Truth Evaluation of Neural Network Explanations with CLEVR-XAI",
        arXiv:2003.07258: relevance rank accuracy. Negative relevance keeps its order here.
    """

    def measure(case: Case) -> Measurement:
        values, inside = marked(case)
        size = tf.reduce_sum(tf.cast(inside, tf.int32), axis=1)
        ordered = tf.sort(values, axis=1, direction="DESCENDING")
        last = tf.gather(ordered, tf.maximum(size - 1, 0)[:, tf.newaxis], batch_dims=1)  # the least of the K

        above, tied = values > last, tf.equal(values, last)
        size = tf.cast(size, tf.float64)
        share = ratio(size - _count(above), _count(tied))  # of the tied ones, how many are among the K
        hits = _count(above & inside) + share * _count(tied & inside)
        return Measurement(unless_empty(ratio(hits, size), inside))

    return measure


def _count(chosen: Tensor) -> Tensor:
    return tf.reduce_sum(tf.cast(chosen, tf.float64), axis=1)
