"""Grad-CAM++: Grad-CAM whose weights count the positions that speak for the class, few or many."""

from ..core import Explanation, Model, Sides, Step, Tensor, forward, gradient, method, per_target, spatial_layer, tf


@method
def gradcampp(model: Model, *, layer: str = "", grid: Sides = ()) -> Step:
    """Weigh each feature of a layer by its positive gradients, each with a coefficient of its position, and add up.

    The paper explains exp(S), which multiplies a whole map by the positive number exp(S): it is left out, so that no
    logit overflows. Its coefficients suppose that the layers after this one are piecewise linear.

    Maps: [B, *positions, T], signed where features are; the paper's last ReLU is `positive`.
    Cost: one forward pass, and per target a backward pass down to the layer.
    Claims: class-discriminative, needs-layer.

    Args:
        layer: Name or path (`backbone/conv5`) of the layer to read, `conv#1` for the first of several uses,
            `conv:input` for what goes in; by default the last one with positions.
        grid: Sides of the grid of positions on which tokens stand, such as (14, 14), where the layer gives tokens; by
            default it is found by the input's aspect ratio, and class tokens come before it.

    Raises:
        UnknownName: The model has no such layer.
        ModelError: No layer on the way to the scores has positions, or its tokens fit no grid.

    Source:
        Chattopadhay et al., "Grad-CAM++", 2018. arXiv:1710.11063, eq. 5, 19 and 20.
    """
    chosen = spatial_layer(model, layer, grid)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, features = forward(model, inputs, targets, read=chosen)  # [B, T], [B, *positions, K]

        def weigh(score: Tensor) -> Tensor:
            slopes = chosen.laid(gradient(score, features))
            values = chosen.laid(tf.cast(features, slopes.dtype))
            positions = range(1, slopes.shape.rank - 1)
            total = tf.reduce_sum(values, axis=positions, keepdims=True)
            # eq. 19 divided by the squared slope: where that is 0, so is what it weighs
            shares = tf.math.divide_no_nan(tf.ones_like(slopes), 2.0 + slopes * total)
            weights = tf.reduce_sum(shares * tf.nn.relu(slopes), axis=positions, keepdims=True)  # eq. 5
            return tf.reduce_sum(weights * values, axis=-1)  # [B, *positions]; eq. 20

        return Explanation(scores, per_target(weigh, scores))

    return step
