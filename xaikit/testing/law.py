"""What a law is, and the figures by which it is judged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..api import explain
from ..core import Explainer, Explanation, tf

Check = Callable[[Explainer, Any, Any], None]
FLOAT32 = 1e-5  # what the order of sums, or XLA, may change of a map, as a share of its largest value
ROWS = 1e-6  # what another number of rows may: kernels choose the order of their sums by it
DEVICE = 1e-4  # the same on a GPU or a TPU


@dataclass(frozen=True)
class Law:
    """Something that holds for every explainer.

    Attributes:
        name: By which a failure is expected.
        statement: One sentence.
        check: A function (explainer, model, inputs) that raises AssertionError where the law does not hold.
    """

    name: str
    statement: str
    check: Check


def explained(explainer: Explainer, model: Any, inputs: Any, targets: Any = "top1", **options: Any) -> Explanation:
    """Explain on this machine's CPU or device, without XLA unless it is asked for, and without a bar."""
    return explain(explainer, model, inputs, targets, **{"jit": False, "progress": False, **options})


def rows(inputs: Any, chosen: Any) -> Any:
    """Take some examples of inputs of any structure: `chosen` is a slice, or [n] places."""
    return tf.nest.map_structure(lambda leaf: np.asarray(leaf)[chosen], inputs)


def count(inputs: Any) -> int:
    """Say how many examples there are."""
    return len(tf.nest.flatten(inputs)[0])


def equal(actual: Any, expected: Any, subject: str, tolerance: float = 0.0) -> None:
    """Compare maps or scores, structures of arrays.

    Args:
        actual: What was given.
        expected: What is right.
        subject: What is compared, for the message.
        tolerance: The largest difference allowed, as a share of the largest expected size; 0 is bit for bit.

    Raises:
        AssertionError: They differ by more; the message says by how much.
    """
    tf.nest.assert_same_structure(actual, expected)
    for one, other in zip(tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True):
        assert one.shape == other.shape, f"{subject}: shape {one.shape} instead of {other.shape}"
        if np.array_equal(one, other):
            continue
        difference = float(np.abs(np.float64(one) - np.float64(other)).max())
        size = float(np.abs(np.float64(other)).max())
        assert difference <= tolerance * size, (
            f"{subject}: they differ by {difference:.3g}, where the largest size is {size:.3g} and a share of "
            f"{tolerance:.3g} is allowed"
        )


def on_device(tolerance: float) -> float:
    """Give `tolerance` on CPU, and a wider one on a GPU or a TPU, which add up in an order of their own."""
    return DEVICE if tf.config.get_visible_devices("GPU") or tf.config.get_visible_devices("TPU") else tolerance
