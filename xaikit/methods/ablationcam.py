"""Ablation-CAM: the features of a layer, weighted by how far the score falls without each of them."""

from typing import Annotated

from pydantic import Field

from ..core import Explanation, Model, Sides, Step, Tensor, forward, method, spatial_layer, tf
from ..core.channels import check_channels, taken, widest, without
from ..core.copies import joined
from ..core.replaced import replaced_scores
from ..core.taps import written_layer


@method
def ablationcam(model: Model, *, layer: str = "", grid: Sides = (), channels: Annotated[int, Field(ge=0)] = 0) -> Step:
    """Make each feature of a layer zero in turn, and weigh it by the share of the score that is lost.

    The weight is a share of the score itself, so where that is negative, a feature that speaks for the class has a
    negative weight, and a constant added to the scores changes the map. Where the score is 0 there is no share, and
    the map is 0.

    Maps: [B, *positions, T], signed; the paper's ReLU is `positive`.
    Cost: one forward pass, and one per feature from the layer on; targets are free.
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
            Or the layer does not say how many features it has, or what goes into it is no layer's output.

    Source:
        Desai and Ramaswamy, "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free
        Localization", 2020. IEEE Winter Conference on Applications of Computer Vision, the definitions of the weights
        and of the map in section 3.
    """
    chosen = written_layer(model, spatial_layer(model, layer, grid))
    check_channels(model, chosen)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, features = forward(model, inputs, targets, read=chosen)  # [B, T], [B, *positions, K]
        tokens = tf.cast(features, scores.dtype)
        features = chosen.laid(tokens)
        numbers = widest(features, channels)  # [B, n]

        def copies(i: Tensor) -> Tensor:  # of several numbers, [n]
            masked = without(features, tf.gather(numbers, i, axis=1))
            return chosen.put(joined(masked), tf.tile(tokens, [tf.size(i)] + [1] * (tokens.shape.rank - 1)))

        left = replaced_scores(model, inputs, targets, numbers.shape[-1], chosen, copies)  # [B, T, n]
        score = scores[..., tf.newaxis]
        weights = tf.math.divide_no_nan(score - left, score)  # the share of the score that is lost
        return Explanation(scores, tf.einsum("b...k,btk->b...t", taken(features, numbers), weights))

    return step
