"""How alike two maps of the same example are."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from ..core import Model, Tensor, dims, tf, to_unit_range
from ..errors import ModelError
from .correlation import pearson, varies
from .midranks import midranks
from .ratio import NAN

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
        return tf.where(varies(_flat(maps)), tf.where(varies(_flat(changed)), found, zero), zero + NAN)

    return compared


def _spearman(maps: Tensor, changed: Tensor) -> Tensor:
    # ranks are exact: in a map of many values neighbours are closer than rounding, and no ties
    return pearson(midranks(_flat(maps)), midranks(_flat(changed)))


def _pearson(maps: Tensor, changed: Tensor) -> Tensor:
    return pearson(_flat(maps), _flat(changed))


def _ssim(maps: Tensor, changed: Tensor) -> Tensor:
    """Wang et al. 2004, section III: by a Gaussian window, which is smaller where the maps are."""
    first, second = (_picture(each) for each in (maps, changed))
    sides = [side for side in first.shape[1:3] if side is not None]
    return tf.image.ssim(first, second, max_val=1.0, filter_size=min(_WINDOW, *sides))


def _picture(maps: Tensor) -> Tensor:
    """Bring maps [B, H, W] or [B, H, W, C] to [0, 1], each by itself: [B, H, W, C]."""
    pictures = maps if maps.shape.rank == 4 else maps[..., tf.newaxis]
    return to_unit_range(pictures[..., tf.newaxis])[..., 0]


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
