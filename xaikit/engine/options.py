"""How the engine is asked to work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..core.layouts import Channels, check_channels
from ..core.lazy import np
from ..core.view import Scores
from ..errors import UsageError

Jit = bool | Literal["auto"]
Progress = bool | Literal["auto"]
BatchSize = int | Literal["auto"]
Precision = Literal["bfloat16"] | None

_MOST = 2**24


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `explain`, which says what they mean."""

    batch_size: BatchSize = 32
    scores: Scores = "logits"
    channels: Channels = "last"
    jit: Jit = "auto"
    precision: Precision = None
    steps: int | None = None
    callbacks: Sequence[Any] = ()
    progress: Progress = "auto"
    details: bool = False

    def check(self) -> None:
        """Refuse values that mean nothing.

        Raises:
            UsageError: Which, and what is allowed.
        """
        if self.batch_size != "auto" and not (_whole(self.batch_size) and 1 <= self.batch_size <= _MOST):
            raise UsageError(f"batch_size must be a whole number, 1 to {_MOST}, or 'auto', not {self.batch_size!r}.")
        if self.steps is not None and not (_whole(self.steps) and self.steps >= 1):
            raise UsageError(f"steps must be a whole number of at least 1, or None, not {self.steps!r}.")
        if self.scores not in ("logits", "outputs"):
            raise UsageError(f"scores must be 'logits' or 'outputs', not {self.scores!r}.")
        if self.jit not in (True, False, "auto"):
            raise UsageError(f"jit must be True, False or 'auto', not {self.jit!r}.")
        if self.precision not in (None, "bfloat16"):
            raise UsageError(f"precision must be 'bfloat16', or None for the model's own, not {self.precision!r}.")
        check_channels(self.channels)


def _whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
