"""Attention rollout: how much of each token flows into those that the score is read from."""

from ..core import Explanation, Model, Sides, Step, Tensor, method, per_target, tf
from ..core.streams import check_attention, heads_averaged, stream


@method
def attention_rollout(model: Model, *, grid: Sides = ()) -> Step:
    """Multiply the attention of all layers, each with half of every token going on as it is.

    Heads are averaged, and the rows of every matrix add up to 1; so does a map, with what falls to class tokens, which
    have no position. The row shown is that of the token that the score is read from, a class token say; of several,
    their mean; and the mean of all rows where the tokens are pooled, or read by a place that is computed. The target
    does not matter: every column of a map is the same.

    Maps: [B, *positions, T], none negative; on texts and series [B, tokens, T].
    Cost: one forward pass.
    Claims: none.

    Args:
        grid: Sides of the grid of positions on which tokens stand, such as (14, 14); by default it is found by the
            input's aspect ratio, and class tokens come before it.

    Raises:
        ParameterError: The grid has not one side for each axis of the input's positions.
        ModelError: The model has no attention, or not that of an encoder among all its tokens (cross attention,
            windows, parallel branches); or the tokens fit no grid.

    Source:
        Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020. arXiv:2005.00928, section 3, attention
        rollout.
    """
    check_attention(model, grid)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        made = model.run(inputs)
        scores = model.pick(made, targets)  # [B, T]
        tokens = stream(model, made, inputs, grid)

        def mixed(weights: Tensor) -> Tensor:  # of one layer, [B, heads, N, N]
            average = heads_averaged(tf.cast(weights, scores.dtype))
            half = 0.5 * average + 0.5 * tf.eye(average.shape[-1], dtype=average.dtype)
            return half / tf.reduce_sum(half, axis=-1, keepdims=True)  # a softmax in float16 is not quite 1

        maps = tf.cast(tokens.back(map(mixed, tokens.weights)), scores.dtype)
        return Explanation(scores, per_target(lambda _: maps, scores))

    return step
