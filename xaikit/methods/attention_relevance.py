"""Attention relevance: attention weighed by its gradient, and followed through the layers."""

from ..core import Explanation, Model, Sides, Step, Tensor, gradient, method, per_target, tf
from ..core.streams import check_attention, heads_averaged, stream


@method
def attention_relevance(model: Model, *, grid: Sides = ()) -> Step:
    """Multiply each attention weight by its gradient, keep what speaks for the target, and add up layer by layer.

    Each token is relevant for itself to begin with, and every layer adds what its tokens took from others. The row
    shown is that of the token that the score is read from, a class token say; of several, their mean; and the mean of
    all rows where the tokens are pooled, or read by a place that is computed: there each token's relevance for itself
    is a constant of 1 / tokens.

    Maps: [B, *positions, T], none negative; on texts and series [B, tokens, T].
    Cost: one forward pass, and per target a backward pass down to the first attention.
    Claims: class-discriminative.

    Args:
        grid: Sides of the grid of positions on which tokens stand, such as (14, 14); by default it is found by the
            input's aspect ratio, and class tokens come before it.

    Raises:
        ParameterError: The grid has not one side for each axis of the input's positions.
        ModelError: The model has no attention, or not that of an encoder among all its tokens (cross attention,
            windows, parallel branches); or the tokens fit no grid.

    Source:
        Chefer, Gur and Wolf, "Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder
        Transformers", 2021. arXiv:2103.15679, section 3, the rules of self-attention.
    """
    check_attention(model, grid)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        made = model.run(inputs)
        scores = model.pick(made, targets)  # [B, T]
        tokens = stream(model, made, inputs, grid)

        def follow(score: Tensor) -> Tensor:
            slopes = gradient(score, tokens.weights)
            return tf.cast(tokens.back(map(added, slopes, tokens.weights)), scores.dtype)

        return Explanation(scores, per_target(follow, scores))

    return step


def added(slopes: Tensor, weights: Tensor) -> Tensor:
    """Give what a layer does to relevance, [B, N, N]: R + A R, with A the mean of what is positive over the heads."""
    speaks = heads_averaged(tf.nn.relu(slopes * tf.cast(weights, slopes.dtype)))
    return speaks + tf.eye(speaks.shape[-1], dtype=speaks.dtype)
