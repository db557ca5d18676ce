"""How alike two maps of the same example are."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from ..core import Model, Tensor, dims, tf, to_unit_range
from ..errors import ModelError

Similarity: TypeAlias = Literal["spearman", "pearson", "ssim"]

_WINDOW = 11  # positions along a side; Wang et al. 2004, section III


def comparison(kind: Similarity, model: Model) -> Callable[[Tensor, Tensor], Tensor]:
    """Give what compares maps with changed ones, structures of [B, ...]: [B], and 1 where nothing has changed.

    "spearman" is the correlation of the ranks of their values, "pearson" that of the values, "ssim" the structural
    similarity of pictures, each brought to [0, 1]. Where the first map is constant there is nothing to compare, NaN;
    where the changed one is, nothing of the first is left, 0.

    Raises:
        ModelError: "ssim", and the model's input is no picture.
    """
    if kind == "ssim" and (tf.nest.is_nested(model.spec) or model.spec.shape.rank != 4):
        raise ModelError(f"similarity='ssim' compares pictures, and {model.name} takes others: take 'spearman'.")
    compare = {"spearman": _spearman, "pearson": _pearson, "ssim": _ssim}[kind]

    def compared(maps: Tensor, changed: Tensor) -> Tensor:
        found = tf.cast(compare(maps, changed), tf.float64)
        zero = tf.zeros_like(found)
        return tf.where(_constant(maps), zero + float("nan"), tf.where(_constant(changed), zero, found))

    return compared


def midranks(values: Tensor) -> Tensor:
    """Give the place of each value of [B, n] in ascending order; equal ones share the mean of their places."""
    values = tf.where(values == 0, tf.zeros_like(values), values)  # XLA would put -0 before 0
    first, last = _places(values), _places(values[:, ::-1])[:, ::-1]
    return tf.cast(first + last, tf.float64) / 2


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Correlate the rows of two tables, [B, n]: [B], in float64."""
    a, b = (_centred(tf.cast(each, tf.float64)) for each in (a, b))
    return tf.reduce_sum(a * b, axis=1)


def _places(values: Tensor) -> Tensor:
    """Give each value's place in ascending order; of equal ones the first comes first."""
    return tf.argsort(tf.argsort(values, stable=True))


def _centred(values: Tensor) -> Tensor:
    """Give rows of mean 0 and length 1; a constant one becomes 0."""
    centred = values - tf.reduce_mean(values, axis=1, keepdims=True)
    scaled = tf.math.divide_no_nan(centred, tf.reduce_max(tf.abs(centred), axis=1, keepdims=True))  # no square is lost
    return tf.math.divide_no_nan(scaled, tf.norm(scaled, axis=1, keepdims=True))


def _spearman(maps: Tensor, changed: Tensor) -> Tensor:
    return correlation(midranks(_flat(maps)), midranks(_flat(changed)))


def _pearson(maps: Tensor, changed: Tensor) -> Tensor:
    return correlation(_flat(maps), _flat(changed))


def _ssim(maps: Tensor, changed: Tensor) -> Tensor:
    """Wang et al. 2004, section III: by a Gaussian window, which is smaller where the maps are."""
    first, second = (_picture(each) for each in (maps, changed))
    sides = [side for side in first.shape[1:3] if side is not None]
    return tf.image.ssim(first, second, max_val=1.0, filter_size=min(_WINDOW, *sides))


def _picture(maps: Tensor) -> Tensor:
    """Bring maps [B, H, W] or [B, H, W, C] to [0, 1], each by itself: [B, H, W, C]."""
    pictures = maps if maps.shape.rank == 4 else maps[..., tf.newaxis]
    return to_unit_range(pictures[..., tf.newaxis])[..., 0]


def _constant(maps: Tensor) -> Tensor:
    values = _flat(maps)
    return tf.reduce_max(values, axis=1) == tf.reduce_min(values, axis=1)


def _flat(maps: Tensor) -> Tensor:
    """Lay every value of each example in one row, [B, n]."""
    leaves = tf.nest.flatten(maps)
    rows = dims(leaves[0])[0]
    return tf.concat([tf.reshape(leaf, [rows, _size(leaf)]) for leaf in leaves], axis=1)


def _size(leaf: Tensor) -> int | Tensor:
    size: int | Tensor = 1
    for side in dims(leaf)[1:]:
        size = size * side
    return size
