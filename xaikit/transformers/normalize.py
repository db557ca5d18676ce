"""Maps in [0, 1]."""

from ..core import Explanation, Step, Tensor, tf, to_unit_range, transformer


@transformer
def normalize(step: Step) -> Step:
    """Bring each example's map of each target to [0, 1]: (x - min) / (max - min).

    A constant map becomes 0, and no map is so large that it overflows.

    Maps: as they were, in [0, 1].
    Cost: none of its own.
    """

    def normalized(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, maps = step(inputs, targets)
        return Explanation(scores, tf.nest.map_structure(to_unit_range, maps))

    return normalized
