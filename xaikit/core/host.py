"""Work that only Python can do inside of a step: TensorFlow calls back for it while the step runs, and XLA cannot."""

from collections.abc import Callable, Sequence
from typing import Any

from .explanation import Tensor
from .lazy import tf
from .tracing import current


class NeedsHost(Exception):
    """A step that is traced for XLA asked for work on the host: the engine traces it again, for the graph."""


def on_host(
    work: Callable[[Any], Any], values: Tensor, dtype: Any, shape: Sequence[int | None], subject: str
) -> Tensor:
    """Give what a function of NumPy arrays makes of `values`, wherever the step runs.

    Args:
        work: A pure function of an array. It is kept as long as the graph: it must not hold the model.
        values: Its argument.
        dtype: The type of what it returns.
        shape: The static shape of what it returns.
        subject: What it makes, for the note that says why XLA was not used.

    Raises:
        NeedsHost: XLA compiles this trace.
    """
    if current().jit:
        raise NeedsHost(subject)
    made = tf.numpy_function(work, [values], dtype, stateful=False)
    made.set_shape(shape)
    return made
