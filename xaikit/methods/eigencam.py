"""Eigen-CAM: what the features of a layer have most in common, whatever the class."""

from ..core import Explanation, Model, Sides, Step, Tensor, dims, forward, method, per_target, spatial_layer, tf


@method
def eigencam(model: Model, *, layer: str = "", grid: Sides = ()) -> Step:
    """Project the features of each position on their first principal direction, the uncentred one of the paper.

    The target does not matter: every column of a map is the same. A direction has no sign of its own: it is the one
    whose map adds up to 0 or more over the positions, in whatever order the features come. After a ReLU that map is
    negative nowhere. Where two directions are equally strong, which one is taken is not determined.

    Maps: [B, *positions, T], signed.
    Cost: one forward pass, and an eigen-decomposition as large as the smaller of features and positions.
    Claims: needs-layer.

    Args:
        layer: Name or path (`backbone/conv5`) of the layer to read, `conv#1` for the first of several uses,
            `conv:input` for what goes in; by default the last one with positions.
        grid: Sides of the grid of positions on which tokens stand, such as (14, 14), where the layer gives tokens; by
            default it is found by the input's aspect ratio, and class tokens come before it.

    Raises:
        UnknownName: The model has no such layer.
        ModelError: No layer on the way to the scores has positions, or its tokens fit no grid.

    Source:
        Muhammad and Yeasin, "Eigen-CAM", 2020. arXiv:2008.00299, section III.
    """
    chosen = spatial_layer(model, layer, grid)

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores, features = forward(model, inputs, targets, read=chosen)  # [B, T], [B, *positions, K]
        features = chosen.laid(features)
        rows, *positions, channels = dims(features)
        table = tf.reshape(features, [rows, -1, channels])  # [B, P, K]
        count = features.shape[1:-1].num_elements()
        projected = _projected(tf.cast(table, tf.float64), narrow=count is None or channels <= count)
        maps = tf.cast(tf.reshape(projected, [rows, *positions]), scores.dtype)
        return Explanation(scores, per_target(lambda _: maps, scores))

    return step


def _projected(table: Tensor, narrow: bool) -> Tensor:
    """Project [B, P, K] on the first right singular vector of each example: [B, P].

    It is found by way of the smaller Gram matrix, of the features where `narrow` is true, else of the positions.
    """
    size = tf.reduce_max(tf.abs(table), axis=[1, 2], keepdims=True)
    scaled = tf.math.divide_no_nan(table, size)  # squares neither overflow nor vanish
    gram = tf.matmul(scaled, scaled, transpose_a=narrow, transpose_b=not narrow)
    first = tf.linalg.eigh(gram)[1][..., -1:]  # of the largest eigenvalue
    if not narrow:  # from the left singular vector to the right one
        first = tf.matmul(scaled, first, transpose_a=True)
        first = tf.math.divide_no_nan(first, tf.norm(first, axis=1, keepdims=True))
    projected = tf.matmul(table, first)[..., 0]
    return tf.where(tf.reduce_sum(projected, axis=1, keepdims=True) < 0, -projected, projected)
