"""The mean of several maps."""

from typing import Any

from ..core import Explanation, Step, Tensor, tf, transformer
from ..core.grids import on_one_grid


@transformer
def average(*steps: Any) -> Step:
    """Average the maps of several explainers: an ensemble.

    Maps of different grids are first resized to the input's positions; a location map then counts for every channel of
    an input-shaped one. Raw maps of different methods have different sizes, and the largest would dominate: write
    `average(normalize(positive(gradcam)), normalize(positive(layercam)))`.

    Maps: as those of all, where they have one shape; else [B, *input positions, T], or [B, *input, T] if one is
    input-shaped.
    Cost: that of all; what several compute of the clean input is computed once.

    Raises:
        ModelError: The model has several inputs, and the maps do not lie on the same ones.
    """

    def averaged(inputs: Tensor, targets: Tensor) -> Explanation:
        results = [step(inputs, targets) for step in steps]
        aligned = on_one_grid([result.maps for result in results], inputs)

        def mean(*maps: Tensor) -> Tensor:
            return sum(maps[1:], start=maps[0]) / len(maps)  # location maps broadcast over the channels

        return Explanation(results[0].scores, tf.nest.map_structure(mean, *aligned))

    return averaged
