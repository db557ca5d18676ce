"""Maps at the input's positions."""

from ..core import Explanation, ResizeMethod, Step, Tensor, map_maps, to_positions, transformer


@transformer
def resize(step: Step, *, method: ResizeMethod = "bilinear") -> Step:
    """Bring location maps to the input's positions; input-shaped maps are there already, and pass.

    Maps: [B, *input positions, T]; of input-shaped ones [B, *input, T].
    Cost: none of its own.

    Args:
        method: How values between the old positions are found.
    """

    def at_the_input(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, maps = step(inputs, targets)
        return Explanation(scores, map_maps(lambda one, of: to_positions(one, of, method), maps, inputs))

    return at_the_input
