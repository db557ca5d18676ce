"""CAM: the features of the last convolution, weighted by the class's own weights."""

from ..core import (
    Explanation,
    Model,
    Sides,
    Step,
    Tap,
    Tensor,
    forward,
    gradient,
    method,
    per_target,
    spatial_layer,
    tf,
)
from ..core.heads import head
from ..core.taps import spatial_layers
from ..errors import ModelError


@method
def cam(model: Model, *, layer: str = "", grid: Sides = ()) -> Step:
    """Weigh each feature of a layer by its weight for the class, and add up.

    The head after the layer has to be average pooling and linear layers, Dense or 1x1 convolutions: then the mean of a
    map over the positions, and the bias, are the score. With another head the class has no such weights: use `gradcam`.

    Maps: [B, *positions, T], signed.
    Cost: one forward pass, and per target a backward pass through the head alone.
    Claims: linear, class-discriminative, needs-layer.

    Args:
        layer: Name or path (`backbone/conv5`) of the layer to read, `conv#1` for the first of several uses,
            `conv:input` for what goes in; by default the one that the linear head follows.
        grid: Sides of the grid of positions on which tokens stand, such as (14, 14), where the layer gives tokens; by
            default it is found by the input's aspect ratio, and class tokens come before it.

    Raises:
        UnknownName: The model has no such layer.
        ModelError: The head is another one; the message names the first operation that does not belong.

    Source:
        Zhou et al., "Learning Deep Features for Discriminative Localization", 2016. arXiv:1512.04150, eq. 1 and 2.
    """
    chosen = _pooled(model, layer, grid)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, features = forward(model, inputs, targets, read=chosen)  # [B, T], [B, *positions, K]

        def weigh(score: Tensor) -> Tensor:
            # a position's slope is the class's weight over the number of positions
            slopes = gradient(score, features)
            weights = tf.reduce_sum(slopes, axis=range(1, slopes.shape.rank - 1))  # [B, K]
            return tf.einsum("b...k,bk->b...", chosen.laid(tf.cast(features, weights.dtype)), weights)  # eq. 2

        return Explanation(scores, per_target(weigh, scores))

    return step


def _pooled(model: Model, layer: str, grid: Sides) -> Tap:
    """Find the layer to read: the last one that a pooled linear head with weights follows."""
    made = model.preview
    scores = _scores(model)
    if layer:
        chosen = spatial_layer(model, layer, grid)
        found = head(made, chosen.tensor(made), scores)
        if found.obstacle:
            raise ModelError(_refusal(model, str(chosen), found.obstacle))
        return chosen
    taps = spatial_layers(model) or [spatial_layer(model, grid=grid)]  # the latter says what is wrong
    for tap in taps:
        found = head(made, tap.tensor(made), scores)
        if found.obstacle:
            raise ModelError(_refusal(model, str(tap), found.obstacle))
        if found.weighted:  # without weights these are the class maps already, made by a 1x1 convolution
            return spatial_layer(model, str(tap), grid)
    raise ModelError(_refusal(model, str(taps[-1]), "it has no weights"))


def _scores(model: Model) -> Tensor:
    leaves = model.score_leaves(model.preview)
    if len(leaves) != 1:
        raise ModelError(f"cam needs one output with a pooled linear head, and {model.name} has {len(leaves)}.")
    return leaves[0]


def _refusal(model: Model, layer: str, obstacle: str) -> str:
    return (
        f"cam needs average pooling and linear layers between layer {layer!r} and the scores of {model.name}, but "
        f"{obstacle}: use gradcam."
    )
