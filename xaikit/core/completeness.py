"""How far a map is from adding up to what its method promises."""

from collections.abc import Callable

from .explanation import Tensor
from .lazy import tf
from .tracing import detail


def report_gap(maps: Tensor, promised: Callable[[], Tensor]) -> None:
    """Report the "completeness_gap" of maps, where the user asked for details: their sum less what was promised.

    Args:
        maps: [B, ..., T], or a structure of such.
        promised: Gives what they should add up to, [B, T], such as f(input) - f(baseline); called only where wanted.
    """
    detail("completeness_gap", lambda: total(maps) - promised())


def total(maps: Tensor) -> Tensor:
    """Add maps up over everything but examples and targets: [B, T]."""
    return tf.add_n([tf.reduce_sum(leaf, axis=range(1, leaf.shape.rank - 1)) for leaf in tf.nest.flatten(maps)])
