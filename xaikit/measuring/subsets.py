"""Random subsets of a known size, the same for every example."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from pydantic import Field

from ..core import Tensor, bits, tf

Samples: TypeAlias = Annotated[int, Field(ge=2)]
Part: TypeAlias = Annotated[float, Field(gt=0, lt=1)]


def subsets(count: int, sizes: Sequence[int], seed: int) -> Tensor:
    """Draw one subset of `count` things for each of the sizes, all subsets of a size alike.

    Returns:
        Boolean [len(sizes), count]; row i holds exactly `sizes[i]` true values.
    """

    def one(i: Tensor) -> Tensor:
        order = tf.argsort(tf.cast(bits([count], (seed, i)), tf.float64), stable=True)
        return order < tf.constant(sizes, tf.int32)[i]

    return tf.map_fn(one, tf.range(len(sizes)), fn_output_signature=tf.TensorSpec([count], tf.bool))


def size_of(share: float, count: int) -> int:
    """Give the size of a subset that is a share of `count`: at least one, and never all of them."""
    return max(1, min(round(share * count), count - 1))
