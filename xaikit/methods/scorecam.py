"""Score-CAM: the features of a layer, weighted by the score of the input seen through each of them."""

from typing import Annotated

from pydantic import Field

from ..core import (
    Explanation,
    Model,
    Sides,
    Step,
    Tensor,
    forward,
    method,
    resized,
    sides,
    spatial_layer,
    tf,
    to_unit_range,
)
from ..core.channels import check_channels, taken, widest
from ..core.geometry import fitting
from ..core.masking import masked_scores
from ..errors import ModelError


@method
def scorecam(model: Model, *, layer: str = "", grid: Sides = (), channels: Annotated[int, Field(ge=0)] = 0) -> Step:
    """Multiply the input by each feature of a layer in turn, and weigh the features by a softmax of the scores.

    What a feature does not let through becomes 0. The score of the baseline, which the paper subtracts, is the same
    for every feature and cancels in the softmax: it is not computed. A feature with one value at all positions has no
    range to normalise by, and shows no place: it is left out, and the weights of the others add up to 1. Where every
    feature is such a one, the map is 0.

    Maps: [B, *positions, T], signed where features are; the paper's last ReLU is `positive`.
    Cost: one forward pass, and one per feature; targets are free.
    Claims: class-discriminative, needs-layer.

    Args:
        layer: Name or path (`backbone/conv5`) of the layer to read, `conv#1` for the first of several uses,
            `conv:input` for what goes in; by default the last one with positions.
        grid: Sides of the grid of positions on which tokens stand, such as (14, 14), where the layer gives tokens; by
            default it is found by the input's aspect ratio, and class tokens come before it.
        channels: How many features to take at most, for each example those that vary most over the positions, by their
            variance; 0 takes all.

    Raises:
        UnknownName: The model has no such layer.
        ModelError: No layer on the way to the scores has positions, or its tokens fit no grid.
            Or the layer does not say how many features it has, or which of several inputs they lie on is not plain; or
            the input has tokens or features in the place of positions.

    Source:
        Wang et al., "Score-CAM", 2020. arXiv:1910.01279, definitions 4 and 5, eq. 6 to 10, and algorithm 1.
    """
    chosen = spatial_layer(model, layer, grid)
    check_channels(model, chosen)
    if fitting(chosen.laid(chosen.tensor(model.preview)), model.spec).shape.rank < 3:
        raise ModelError("scorecam multiplies the input by features, and tokens and tables cannot be: use ablationcam.")

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, features = forward(model, inputs, targets, read=chosen)  # [B, T], [B, *positions, K]
        features = chosen.laid(tf.cast(features, scores.dtype))
        features = taken(features, widest(features, channels))
        positions = range(1, features.shape.rank - 1)
        # from 0 up, so that one value everywhere stays exactly that when it is resized
        raised = features - tf.reduce_min(features, axis=positions, keepdims=True)
        varies = tf.reduce_max(raised, axis=positions)[:, tf.newaxis] > 0  # [B, 1, K]
        seen = fitting(features, inputs)

        def through(i: Tensor) -> Tensor:
            mask = to_unit_range(resized(raised[..., i, tf.newaxis], sides(seen)))  # [B, *sides, 1]; eq. 7 and 8
            masked = tf.cast(mask * tf.cast(seen, mask.dtype), seen.dtype)
            return tf.nest.map_structure(lambda leaf: masked if leaf is seen else leaf, inputs)

        found = masked_scores(model, inputs, targets, features.shape[-1], through)  # [B, T, K]; eq. 6
        weights = tf.nn.softmax(tf.where(varies, found, found.dtype.min)) * tf.cast(varies, found.dtype)
        return Explanation(scores, tf.einsum("b...k,btk->b...t", features, weights))  # eq. 9

    return step
