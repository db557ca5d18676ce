"""The one convention for looking at maps."""

from typing import Literal

from ..core import (
    Explanation,
    Step,
    Tensor,
    channels_reduced,
    map_maps,
    positive_part,
    tf,
    to_positions,
    to_signed_range,
    to_unit_range,
    transformer,
)

Show = Literal["auto", "for", "size", "signed"]


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
        return Explanation(scores, map_maps(lambda one, of: _shown(one, of, show), maps, inputs))

    return shown


def _shown(maps: Tensor, inputs: Tensor, show: Show) -> Tensor:
    located = maps.shape.rank == inputs.shape.rank and inputs.shape.rank > 2
    if show == "size" or (show == "auto" and not located):
        return to_unit_range(to_positions(channels_reduced(tf.abs(maps), inputs, "max"), inputs))
    reduced = channels_reduced(maps, inputs, "sum")
    if show == "signed":
        return to_signed_range(to_positions(reduced, inputs))
    return to_unit_range(to_positions(positive_part(reduced), inputs))
