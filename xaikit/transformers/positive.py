"""The evidence for the target."""

from ..core import Explanation, Step, Tensor, positive_part, tf, transformer


@transformer
def positive(step: Step) -> Step:
    """Keep the positive part of each map, max(x, 0): the evidence for the target.

    Maps: as they were, at least 0.
    Cost: none of its own.
    """

    def kept(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, maps = step(inputs, targets)
        return Explanation(scores, tf.nest.map_structure(positive_part, maps))

    return kept
