"""The one convention for looking at maps."""

from ..core import Explanation, Show, Step, Tensor, map_maps, to_heat, transformer


@transformer
def heatmap(step: Step, *, show: Show = "auto") -> Step:
    """Make maps to look at: one value for each of the input's positions, each example and target by itself.

    Maps: [B, *input positions, T], in [0, 1]; with "signed" in [-1, 1]. A constant map becomes 0.
    Cost: none of its own.

    Args:
        show: "for" shows the evidence for the target, `normalize(resize(positive(e)))` with the channels added up;
            "size" shows how much a value matters, `normalize(resize(over_channels(absolute(e))))`; "signed" keeps the
            sign, the channels added up, and divides by the largest size; "auto" is "for" on location maps and "size" on
            input-shaped ones.
    """

    def shown(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, maps = step(inputs, targets)
        return Explanation(scores, map_maps(lambda one, of: to_heat(one, of, show), maps, inputs))

    return shown
