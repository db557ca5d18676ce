"""The product of two maps."""

from typing import Any

from ..core import Explanation, Step, Tensor, tf, transformer
from ..core.grids import on_one_grid


@transformer
def multiply(first: Step, second: Any) -> Step:
    """Multiply the maps of two explainers, so that what is left is what both say.

    Maps of different grids are first resized to the input's positions; a location map then counts for every channel of
    an input-shaped one. `multiply(gradcam, guided_backprop)` is Guided Grad-CAM, with Grad-CAM's sign: the paper's is
    `multiply(positive(gradcam), guided_backprop)`. The order of the two does not matter.

    Maps: as those of both, where they have one shape; else [B, *input positions, T], or [B, *input, T] if one is
    input-shaped.
    Cost: that of both; what both compute of the clean input is computed once.

    Raises:
        ModelError: The model has several inputs, and the maps do not lie on the same ones.

    Source:
        Selvaraju et al., "Grad-CAM", 2017. arXiv:1610.02391, section 3.2.
    """

    def multiplied(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, maps = first(inputs, targets)
        factors = on_one_grid([maps, second(inputs, targets).maps], inputs)
        return Explanation(scores, tf.nest.map_structure(tf.multiply, *factors))

    return multiplied
