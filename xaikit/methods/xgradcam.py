"""XGrad-CAM: Grad-CAM whose weights count a position by its share of the feature."""

from ..core import Explanation, Model, Sides, Step, Tensor, forward, gradient, method, per_target, spatial_layer, tf


@method
def xgradcam(model: Model, *, layer: str = "", grid: Sides = ()) -> Step:
    """Weigh each feature of a layer by its gradient, averaged where the feature is active, and add up.

    A position counts by its share of the feature's sum. A feature whose values add up to 0 has no shares, and the
    weight 0; one whose values nearly cancel has large ones, so the layer to read is one after a ReLU.

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
        Fu et al., "Axiom-based Grad-CAM", 2020. arXiv:2008.02312, the definition of XGrad-CAM's weights.
    """
    chosen = spatial_layer(model, layer, grid)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, features = forward(model, inputs, targets, read=chosen)  # [B, T], [B, *positions, K]

        def weigh(score: Tensor) -> Tensor:
            slopes = chosen.laid(gradient(score, features))
            values = chosen.laid(tf.cast(features, slopes.dtype))
            positions = range(1, slopes.shape.rank - 1)
            total = tf.reduce_sum(values, axis=positions, keepdims=True)
            shares = tf.math.divide_no_nan(values, total)  # of a position in its feature
            weights = tf.reduce_sum(shares * slopes, axis=positions, keepdims=True)
            return tf.reduce_sum(weights * values, axis=-1)  # [B, *positions]

        return Explanation(scores, per_target(weigh, scores))

    return step
