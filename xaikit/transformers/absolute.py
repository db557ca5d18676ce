"""The size of the evidence, whatever its sign."""

from ..core import Explanation, Step, Tensor, tf, transformer


@transformer
def absolute(step: Step) -> Step:
    """Take the absolute value of each map.

    Maps: as they were, at least 0.
    Cost: none of its own.
    """

    def sized(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, maps = step(inputs, targets)
        return Explanation(scores, tf.nest.map_structure(tf.abs, maps))

    return sized
