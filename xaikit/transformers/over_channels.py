"""One value for each position."""

from ..core import Explanation, How, Step, Tensor, channels_reduced, map_maps, transformer


@transformer
def over_channels(step: Step, *, how: How = "max") -> Step:
    """Reduce input-shaped maps over the channels; location maps, and those of tables, pass.

    Maps: [B, *positions, T].
    Cost: none of its own.

    Args:
        how: "max" is the rule of the saliency map's paper, arXiv:1312.6034, on `absolute(gradients)`; "l2" is the norm.
    """

    def reduced(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, maps = step(inputs, targets)
        return Explanation(scores, map_maps(lambda one, of: channels_reduced(one, of, how), maps, inputs))

    return reduced
