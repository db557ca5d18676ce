"""How the machine is used: --batch-size, --devices, --precision."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError


@dataclass(frozen=True)
class Machine:
    """What was asked for.

    Attributes:
        batch_size: The row budget, or "auto".
        everywhere: Whether all devices are used.
        precision: "bfloat16", or None for the model's own.
    """

    batch_size: Any
    everywhere: bool
    precision: Any

    @property
    def options(self) -> dict[str, Any]:
        """The options of `explain`."""
        return {"batch_size": self.batch_size, "precision": self.precision}

    def placed(self, model: Any, tell: Callable[[str], None]) -> Any:
        """Give the model where it shall run."""
        if not self.everywhere:
            return model
        from ..models import replicated

        copy = replicated(model)
        strategy = copy.distribute_strategy
        tell(f"devices: {strategy.num_replicas_in_sync} ({', '.join(strategy.extended.worker_devices)})")
        return copy


def asked_machine(batch_size: str, devices: str, precision: str) -> Machine:
    """Check the options.

    Raises:
        UsageError: An unknown value.
    """
    if batch_size != "auto" and not (batch_size.isdecimal() and int(batch_size) >= 1):
        raise UsageError(f"--batch-size must be a whole number of at least 1, or auto, not {batch_size!r}.")
    if devices not in ("one", "all"):
        raise UsageError(f"--devices must be one or all, not {devices!r}.")
    if precision not in ("", "bfloat16"):
        raise UsageError(f"--precision must be bfloat16, not {precision!r}.")
    return Machine("auto" if batch_size == "auto" else int(batch_size), devices == "all", precision or None)
