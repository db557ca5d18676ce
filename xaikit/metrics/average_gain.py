"""Average gain: how much of the missing probability is won where only the evidence is seen."""

from ..core import Model, tf
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.evidence import before_and_after, probabilities


@metric(better="higher")
def average_gain(model: Model) -> Measure:
    """Share of the missing probability that is won where the input is seen through its map: max(0, o - f) / (1 - f).

    With f the probability of the input and o that of the input times its map. In [0, 1], and higher is better; its mean
    over a data set, times 100, is the paper's figure in percent. Where nothing is missing, f = 1, it is 0.

    The map, brought to the positions of the input, its negative values taken as 0, is scaled to [0, 1] and multiplied
    into the input, as in `heatmap(show="for")`; a constant map keeps nothing. Targets are classes: the figure compares
    probabilities, and of anything else it means nothing.

    Cost: one forward pass beside that of the clean input.

    Raises:
        ModelError: No softmax or sigmoid makes the outputs, which are no probabilities then; or the input is tokens.

    Source:
        Zhang et al., "Opti-CAM", 2024. arXiv:2301.07002, the definition of the average gain.
    """
    view = probabilities(model)

    def measure(case: Case) -> Measurement:
        before, after = before_and_after(view, case)
        return Measurement(tf.math.divide_no_nan(tf.nn.relu(after - before), 1 - before))

    return measure
