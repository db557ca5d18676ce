"""One of several outputs."""

from dataclasses import dataclass

from ..core.targets import Chosen, Helper, Targets
from ..errors import TargetError
from .values import kept, opened


@dataclass(frozen=True, repr=False)
class output(Helper):
    """Explain one output of a model that has several: targets apply to that output alone.

    Logits are found behind it as behind an only one, and layers are looked for on the way to it. Labels in the data are
    not read: give those of this output as targets.

    Args:
        which: The output's name, the key of a dict or the name that Keras gives it; or its position, counted from 0, in
            the order in which the model returns them.
        targets: What to explain of it: whatever `explain` takes, but another output.

    Raises:
        TargetError: `which` is neither a name nor a position, or `targets` are none.
    """

    which: str | int
    targets: Targets = "top1"

    def __post_init__(self) -> None:
        """Check what can be checked without a model."""
        which = self.which
        if isinstance(which, bool) or not isinstance(which, (str, int)) or (isinstance(which, int) and which < 0):
            raise TargetError(f"output: give an output's name, or its position counted from 0, not {which!r}.")
        object.__setattr__(self, "targets", kept(self.targets))
        if opened(self.targets).output is not None:
            raise TargetError(f"output: an output has no outputs of its own, and {self!r} asks for one.")

    def chosen(self) -> Chosen:
        """Give the form in which a step takes them."""
        return opened(self.targets)._replace(output=self.which, default=False, text=repr(self))
