"""HiResCAM: the features of a layer, each value multiplied by its own gradient."""

from ..core import Explanation, Model, Sides, Step, Tensor, forward, gradient, method, per_target, spatial_layer, tf


@method
def hirescam(model: Model, *, layer: str = "", grid: Sides = ()) -> Step:
    """Multiply each value of a layer by its own gradient, and add up over the features.

    Nothing is averaged over positions, so a map shows no position that the score does not depend on. With one linear
    layer after this one a map adds up to the score, less the bias.

    Maps: [B, *positions, T], signed.
    Cost: one forward pass, and per target a backward pass down to the layer.
    Claims: linear, class-discriminative, needs-layer.

    Args:
        layer: Name or path (`backbone/conv5`) of the layer to read, `conv#1` for the first of several uses,
            `conv:input` for what goes in; by default the last one with positions.
        grid: Sides of the grid of positions on which tokens stand, such as (14, 14), where the layer gives tokens; by
            default it is found by the input's aspect ratio, and class tokens come before it.

    Raises:
        UnknownName: The model has no such layer.
        ModelError: No layer on the way to the scores has positions, or its tokens fit no grid.

    Source:
        Draelos and Carin, "Use HiResCAM instead of Grad-CAM", 2020. arXiv:2011.08891, the definition of HiResCAM.
    """
    chosen = spatial_layer(model, layer, grid)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, features = forward(model, inputs, targets, read=chosen)  # [B, T], [B, *positions, K]

        def weigh(score: Tensor) -> Tensor:
            slopes = gradient(score, features)
            return tf.reduce_sum(chosen.laid(slopes * tf.cast(features, slopes.dtype)), axis=-1)  # [B, *positions]

        return Explanation(scores, per_target(weigh, scores))

    return step
