"""What was found out about one subject."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..errors import PluginError, SetupError, XaikitError

Status = Literal["ok", "warning", "problem"]
_GRAVEST_FIRST = (SetupError.exit_code, XaikitError.exit_code, PluginError.exit_code)


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        subject: What was looked at.
        status: "ok", "warning" where something works and probably not as it was meant, or "problem".
        found: What was found.
        advice: What to do; empty where there is nothing to do.
        code: The exit code of a problem; 0 for what is none.
    """

    subject: str
    status: Status
    found: str
    advice: str = ""
    code: int = 0


def fine(subject: str, found: str) -> Finding:
    """Find nothing to do."""
    return Finding(subject, "ok", found)


def warning(subject: str, found: str, advice: str) -> Finding:
    """Find something that was probably not meant."""
    return Finding(subject, "warning", found, advice)


def problem(subject: str, found: str, advice: str, code: int = SetupError.exit_code) -> Finding:
    """Find something that does not work."""
    return Finding(subject, "problem", found, advice, code)


def exit_code(findings: Iterable[Finding]) -> int:
    """Give the exit code of the gravest problem: the setup, then xaikit itself, then plugins; 0 where there is none."""
    codes = {finding.code for finding in findings}
    return next((code for code in _GRAVEST_FIRST if code in codes), 0)
