"""One class and not another."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from ..core import Tensor, tf, warn_where
from ..core.goals import Given, Goal
from ..core.lazy import np
from ..core.targets import check_range, picked, resolved
from ..errors import TargetError
from .values import kept, one_class, only, shape_of


@dataclass(frozen=True, repr=False)
class difference(Goal):
    """Explain the score of one class minus that of another, of outputs [B, classes]: T = 1.

    `difference("top1", "top2")` asks why this, and not the runner-up. Ranks are those of the clean input, for each
    example its own. The result's `targets` are the first classes, [N, 1].

    Args:
        first: A class's index, or its rank: "top1", "top2".
        second: Likewise, another one.

    Raises:
        TargetError: One is neither, or both are the same.
    """

    first: int | str
    second: int | str

    def __post_init__(self) -> None:
        """Check what can be checked without a model."""
        if self._codes()[0] == self._codes()[1]:
            raise TargetError(f"difference: a class less itself is 0 everywhere; {self.first!r} is given twice.")
        object.__setattr__(self, "first", kept(self.first))
        object.__setattr__(self, "second", kept(self.second))

    @property
    def key(self) -> Hashable:
        """Classes are handed over, so one trace serves all."""
        return (difference,)

    def given(self, outputs: Tensor) -> Sequence[Given]:
        """Give the two codes."""
        found = only("difference", outputs)
        if len(found.shape) != 2:
            raise TargetError(
                f"difference compares classes, outputs [B, classes], and the model gives {shape_of(found)}: give a "
                "target function."
            )
        if found.shape[1] is not None:
            check_range(self._codes(), found.shape[1])
        return [Given(self._codes())]

    def resolve(self, scores: Tensor, *given: Tensor) -> Tensor:
        """Give the two classes of each example, [B, 2]."""
        classes = resolved(scores, given[0])
        warn_where(
            tf.reduce_any(classes[:, 0] == classes[:, 1]),
            "difference: both classes are the same one for some examples, whose scores and maps are 0.",
        )
        return classes

    def __call__(self, scores: Tensor, resolved: Tensor) -> Tensor:
        """Subtract the second score from the first, [B]."""
        both = picked(scores, resolved)
        return both[:, 0] - both[:, 1]

    def indices(self, resolved: Tensor) -> Tensor:
        """Give the first classes."""
        return resolved[:, :1]

    def _codes(self) -> "np.ndarray":
        return np.array([one_class("difference", self.first), one_class("difference", self.second)], np.int32)
