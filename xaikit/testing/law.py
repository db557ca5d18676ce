"""What a law is, what judging it gives, and the figures by which it is judged."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..api import explain
from ..core import Explainer, Explanation, Model, as_view, tf
from ..errors import ModelError, XaikitWarning

Check = Callable[[Any, Any, Any], float | str | None]
Outcome = Literal["pass", "fail", "warning", "skip"]
FLOAT32 = 1e-5  # what the order of sums, or XLA, may change of a map, as a share of its largest value
ROWS = 1e-6  # what another number of rows may: kernels choose the order of their sums by it
DEVICE = 1e-4  # the same on a GPU or a TPU


class Broken(AssertionError):
    """A law does not hold.

    Args:
        text: What was seen.
        figure: By how much, if that can be said in a number.
    """

    def __init__(self, text: str, figure: float | None = None) -> None:
        super().__init__(text)
        self.figure = figure


class Skipped(Exception):
    """A law cannot be judged here; the message is the reason."""


@dataclass(frozen=True)
class Verdict:
    """What judging one law of one explainer or metric gave.

    Attributes:
        law: The law's name.
        outcome: "pass", "fail", "warning" where a law that is an advice does not hold, or "skip".
        figure: What was measured, in most laws the largest deviation; None where there is no number.
        text: What was seen, why it was skipped, or nothing.
        statement: What the law means.
        explainer: The spelling of the explainer, or of the metric, that was judged.
    """

    law: str
    outcome: Outcome
    figure: float | None
    text: str
    statement: str
    explainer: str


@dataclass(frozen=True)
class Law:
    """Something that holds for every explainer, for every one that claims it, or for every metric.

    Attributes:
        name: By which a failure is expected.
        statement: One sentence: what it means.
        check: A function (explainer or metric, model, inputs) that raises AssertionError where the law does not hold,
            and `Skipped` where that cannot be told; it gives the figure that it measured, a word on what it saw, or
            None.
        tolerance: What the figure may be, in words.
        thorough: Whether it costs more, on models of its own: some suites leave it out.
        advice: Whether it is a warning, and no failure, where it does not hold.
    """

    name: str
    statement: str
    check: Check
    tolerance: str = ""
    thorough: bool = False
    advice: bool = False

    def judge(self, explainer: Any, model: Any, inputs: Any) -> Verdict:
        """Check the law and give a value, whatever the explainer does."""

        def verdict(outcome: Outcome, text: str = "", figure: float | None = None) -> Verdict:
            return Verdict(self.name, outcome, figure, " ".join(text.split()), self.statement, repr(explainer))

        against: Outcome = "warning" if self.advice else "fail"
        try:
            seen = self.check(explainer, model, inputs)
        except Skipped as reason:
            return verdict("skip", str(reason))
        except AssertionError as error:
            return verdict(against, str(error) or "It does not hold.", getattr(error, "figure", None))
        except Exception as error:  # whatever a step throws is its fault, and the other laws are judged all the same
            return verdict("fail", f"{type(error).__name__}: {error}")
        return verdict("pass", seen) if isinstance(seen, str) else verdict("pass", figure=seen)


def explained(explainer: Explainer, model: Any, inputs: Any, targets: Any = "top1", **options: Any) -> Explanation:
    """Explain on this machine's CPU or device, without XLA unless it is asked for, without a bar or a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XaikitWarning)  # they are about data, and the data is the laws'
        return explain(explainer, model, inputs, targets, **{"jit": False, "progress": False, **options})


def rows(inputs: Any, chosen: Any) -> Any:
    """Take some examples of inputs of any structure: `chosen` is a slice, or [n] places."""
    return tf.nest.map_structure(lambda leaf: np.asarray(leaf)[chosen], inputs)


def count(inputs: Any) -> int:
    """Say how many examples there are."""
    return len(tf.nest.flatten(inputs)[0])


def view_of(model: Any, inputs: Any) -> Model:
    """Give the view of a model: with the inputs that it declares, and where it declares none, with these."""
    try:
        return as_view(model)
    except ModelError:
        spec = tf.nest.map_structure(lambda leaf: tf.TensorSpec([None, *np.shape(leaf)[1:]], leaf.dtype), inputs)
        return as_view(model, spec)


def equal(actual: Any, expected: Any, subject: str, tolerance: float = 0.0) -> float:
    """Compare maps or scores, structures of arrays.

    Args:
        actual: What was given.
        expected: What is right.
        subject: What is compared, for the message.
        tolerance: The largest difference allowed, as a share of the largest expected size; 0 is bit for bit.

    Returns:
        The largest difference, as such a share.

    Raises:
        Broken: They differ by more; the message says by how much.
    """
    tf.nest.assert_same_structure(actual, expected)
    largest = 0.0
    for one, other in zip(tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True):
        if one.shape != other.shape:
            raise Broken(f"{subject}: shape {one.shape} instead of {other.shape}")
        if np.array_equal(one, other):
            continue
        difference = float(np.abs(np.float64(one) - np.float64(other)).max())
        size = float(np.abs(np.float64(other)).max())
        share = difference / size if size else float("inf")
        if not share <= tolerance:
            raise Broken(
                f"{subject}: they differ by {difference:.3g}, where the largest size is {size:.3g} and a share of "
                f"{tolerance:.3g} is allowed",
                share,
            )
        largest = max(largest, share)
    return largest


def on_device(tolerance: float) -> float:
    """Give `tolerance` on CPU, and a wider one on a GPU or a TPU, which add up in an order of their own."""
    return DEVICE if tf.config.get_visible_devices("GPU") or tf.config.get_visible_devices("TPU") else tolerance
