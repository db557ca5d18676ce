"""Grad-CAM: the features of a layer, weighted by how much each one moves the score."""

from ..core import Explanation, Model, Step, Tensor, forward, gradient, method, per_target, spatial_layer, tf


@method
def gradcam(model: Model, *, layer: str = "") -> Step:
    """Weigh each feature of a layer by its mean gradient, and add up.

    Maps: [B, *positions, T], signed; the paper's ReLU is `positive`.
    Cost: one forward pass, and per target a backward pass down to the layer.
    Claims: linear, class-discriminative, needs-layer.

    Args:
        layer: Name or path (`backbone/conv5`) of the layer to read, `conv#1` for the first of several uses,
            `conv:input` for what goes in; by default the last one with positions.

    Raises:
        UnknownName: The model has no such layer.
        ModelError: No layer on the way to the scores has positions.

    Source:
        Selvaraju et al., "Grad-CAM", 2017. arXiv:1610.02391, eq. 1 and 2.
    """
    chosen = spatial_layer(model, layer)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, features = forward(model, inputs, targets, read=chosen)  # [B, T], [B, *positions, K]

        def weigh(score: Tensor) -> Tensor:  # one target of each example, [B]
            slopes = gradient(score, features)  # down to the layer, no further
            weights = tf.reduce_mean(slopes, axis=range(1, features.shape.rank - 1), keepdims=True)  # eq. 1
            return tf.reduce_sum(weights * tf.cast(features, weights.dtype), axis=-1)  # [B, *positions]; eq. 2

        return Explanation(scores, per_target(weigh, scores))

    return step
