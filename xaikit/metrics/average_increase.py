"""Average increase: whether the probability grows where only the evidence is seen."""

from ..core import Model, tf
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.evidence import before_and_after, probabilities


@metric(better="higher")
def average_increase(model: Model) -> Measure:
    """Whether the probability grows where the input is seen through its map: 1 if o > f, else 0.

    With f the probability of the input and o that of the input times its map. Higher is better; its mean over a data
    set, times 100, is the paper's increase in confidence, in percent.

    The map, brought to the positions of the input, its negative values taken as 0, is scaled to [0, 1] and multiplied
    into the input, as in `heatmap(show="for")`; a constant map keeps nothing. Targets are classes: the figure compares
    probabilities, and of anything else it means nothing.

    Cost: one forward pass beside that of the clean input.

    Raises:
        ModelError: No softmax or sigmoid makes the outputs, which are no probabilities then; or the input is tokens.

    Source:
        Chattopadhay et al., "Grad-CAM++", 2018. arXiv:1710.11063, the section on objective evaluation.
    """
    view = probabilities(model)

    def measure(case: Case) -> Measurement:
        before, after = before_and_after(view, case)
        return Measurement(tf.cast(after > before, before.dtype))

    return measure
