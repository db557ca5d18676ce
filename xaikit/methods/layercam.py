"""LayerCAM: the features of any layer, each value weighed by its own positive gradient."""

from ..core import Explanation, Model, Sides, Step, Tensor, forward, gradient, method, per_target, spatial_layer, tf


@method
def layercam(model: Model, *, layer: str = "", grid: Sides = ()) -> Step:
    """Multiply each value of a layer by its own gradient where that is positive, and add up over the features.

    Each position has its own weight, so that early layers, with many positions, give maps worth looking at.

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
        Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", 2021. IEEE Transactions
        on Image Processing 30, section III.
    """
    chosen = spatial_layer(model, layer, grid)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, features = forward(model, inputs, targets, read=chosen)  # [B, T], [B, *positions, K]

        def weigh(score: Tensor) -> Tensor:
            weights = tf.nn.relu(gradient(score, features))  # each position's own
            return tf.reduce_sum(chosen.laid(weights * tf.cast(features, weights.dtype)), axis=-1)  # [B, *positions]

        return Explanation(scores, per_target(weigh, scores))

    return step
