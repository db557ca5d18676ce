"""Grad-CAM: the features of a layer, weighted by how much each one moves the score."""

from ..core import Explanation, Model, Sides, Step, Tensor, forward, gradient, method, per_target, spatial_layer, tf


@method
def gradcam(model: Model, *, layer: str = "", grid: Sides = ()) -> Step:
    """Weigh each feature of a layer by its mean gradient, and add up.

    Maps: [B, *positions, T], signed; the paper's ReLU is `positive`.
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
        Selvaraju et al., "Grad-CAM", 2017. arXiv:1610.02391, eq. 1 and 2.
    """
    chosen = spatial_layer(model, layer, grid)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, features = forward(model, inputs, targets, read=chosen)  # [B, T], [B, *positions, K]

        def weigh(score: Tensor) -> Tensor:  # one target of each example, [B]
            slopes = chosen.laid(gradient(score, features))  # down to the layer, no further
            weights = tf.reduce_mean(slopes, axis=range(1, slopes.shape.rank - 1), keepdims=True)  # eq. 1
            values = chosen.laid(tf.cast(features, weights.dtype))
            return tf.reduce_sum(weights * values, axis=-1)  # [B, *positions]; eq. 2

        return Explanation(scores, per_target(weigh, scores))

    return step
