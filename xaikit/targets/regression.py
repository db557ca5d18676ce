"""A number that a model predicts."""

from dataclasses import dataclass

from ..core.targets import Chosen, Helper
from ..errors import TargetError
from .values import one_class, opened


@dataclass(frozen=True, repr=False)
class regression(Helper):
    """Explain a number that a model predicts: outputs [B], [B, 1] or [B, n].

    It picks as an index does, and says what is meant; labels in the data, which are numbers here, are not read.

    Args:
        index: Which of the n numbers.

    Raises:
        TargetError: It is no index.
    """

    index: int = 0

    def __post_init__(self) -> None:
        """Check the index."""
        index = one_class("regression", self.index)
        if index < 0:
            raise TargetError(f"regression: index must be a whole number counted from 0, not {self.index!r}.")
        object.__setattr__(self, "index", index)

    def chosen(self) -> Chosen:
        """Give the form in which a step takes them."""
        return opened(self.index)._replace(text=repr(self))
