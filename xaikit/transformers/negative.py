"""The evidence against the target."""

from ..core import Explanation, Step, Tensor, negative_part, tf, transformer


@transformer
def negative(step: Step) -> Step:
    """Keep the negative part of each map, min(x, 0): the evidence against the target.

    To look at the strongest evidence against, write `normalize(absolute(negative(e)))`.

    Maps: as they were, at most 0.
    Cost: none of its own.
    """

    def kept(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, maps = step(inputs, targets)
        return Explanation(scores, tf.nest.map_structure(negative_part, maps))

    return kept
