"""Features of a layer taken one by one: how many there are, and which vary most."""

from ..errors import ModelError
from .copies import dims
from .explanation import Tensor
from .lazy import tf
from .taps import Tap
from .view import Model


def check_channels(model: Model, tap: Tap) -> None:
    """Refuse a layer whose features cannot be taken one by one.

    Raises:
        ModelError: The layer does not say how many features it has.
    """
    if tap.tensor(model.preview).shape[-1] is None:
        raise ModelError(f"Layer {tap} does not say how many features it has, to take them one by one: use gradcam.")


def widest(features: Tensor, count: int) -> Tensor:
    """Number the `count` features of each example that vary most over the positions, by their variance.

    Args:
        features: [B, *positions, K]
        count: 0 takes all, in their own order.

    Returns:
        Numbers of features, int32 [B, count].
    """
    rows, channels = dims(features)[0], features.shape[-1]
    if count == 0 or count >= channels:
        return tf.tile(tf.range(channels)[tf.newaxis], [rows, 1])
    variances = tf.math.reduce_variance(features, axis=range(1, features.shape.rank - 1))
    return tf.math.top_k(variances, count).indices


def taken(features: Tensor, numbers: Tensor) -> Tensor:
    """Take the features of each example that `numbers` [B, n] name: [B, *positions, n]."""
    return tf.gather(features, numbers, axis=-1, batch_dims=1)


def without(features: Tensor, numbers: Tensor) -> Tensor:
    """Copy features once for each of the `numbers` [B, n], with the one that it names made 0: [n, B, *positions, K]."""
    gone = tf.one_hot(tf.transpose(numbers), features.shape[-1], dtype=features.dtype)  # [n, B, K]
    copies, rows, channels = dims(gone)
    return tf.reshape(1 - gone, [copies, rows, *[1] * (features.shape.rank - 2), channels]) * features
