"""Every deliberate error, each with the exit code of the command line.

    XaikitError             1  a fault of xaikit's own
    +- UsageError           2  the call is wrong
    |  +- SetupError        2  TensorFlow is missing, or Keras runs on something else
    |  +- UnknownName       2  a name that nobody offers
    |  +- ParameterError    2  a parameter's value is refused
    |  +- ExpressionError   2  the text is not an expression
    |  +- TargetError       2  targets of a wrong shape, type or range
    +- ModelError           3  the model cannot be explained so
    |  +- ModelLoadError    3  the model file is refused or unreadable
    |  +- UnfitInput        3  the model does not take inputs of this shape
    +- InputError           4  the data cannot be explained
    +- PartialError         5  done in part
    +- PluginError          6  a plugin or its method is at fault
    +- OutputError          7  the results cannot be written
    +- ThresholdMissed      8  an evaluation is worse than was asked for

Messages name the subject, the rule, the value and what to do, in one line.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class XaikitError(Exception):
    """The root: catch it to catch every error that xaikit raises on purpose.

    Attributes:
        metric: The spelling of the metric that cannot be measured, where it is one of several.
    """

    exit_code = 1
    metric = ""


class XaikitWarning(UserWarning):
    """The explanation is right, and probably not what was meant."""


class UsageError(XaikitError):
    """The call is wrong."""

    exit_code = 2


class SetupError(UsageError):
    """The environment lacks what xaikit runs on."""


class UnknownName(UsageError):
    """A name that nobody offers."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, owner: str = "", hint: str = "") -> None:
        known = sorted(known)
        near = get_close_matches(name, known, n=1)
        if near:
            rest = f"Did you mean {near[0]!r}?"
        else:
            rest = f"There are: {', '.join(known)}." if known else "There are none."
        subject = f"{owner} has no {kind} named" if owner else f"There is no {kind} named"
        super().__init__(" ".join(part for part in (f"{subject} {name!r}.", rest, hint) if part))


class ParameterError(UsageError):
    """A parameter's value is refused: the message says the rule and the value."""


class ExpressionError(UsageError):
    """A text that is no expression: the message points at the place."""


class TargetError(UsageError):
    """Targets of a wrong shape, type or range."""


class ModelError(XaikitError):
    """The model cannot be explained in the way that was asked."""

    exit_code = 3


class ModelLoadError(ModelError):
    """A model file is refused or unreadable."""


class UnfitInput(ModelError):
    """The model does not take inputs of this shape."""


class InputError(XaikitError):
    """The data cannot be explained: the message names the input or the example."""

    exit_code = 4


class PartialError(XaikitError):
    """Some of the work was done, and some could not be."""

    exit_code = 5


class PluginError(XaikitError):
    """A plugin, or a method that it brought, is at fault."""

    exit_code = 6


class OutputError(XaikitError):
    """The results cannot be written where they were asked for."""

    exit_code = 7


class ThresholdMissed(XaikitError):
    """An evaluation is worse than was asked for."""

    exit_code = 8
