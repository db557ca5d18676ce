"""Everything that is looked at, in order."""

from collections.abc import Iterator

from .environment import environment, installed
from .finding import Finding
from .machine import machine
from .offers import plugins
from .selfcheck import selfcheck


def examined(*, seconds: float = 30.0) -> Iterator[Finding]:
    """Look at everything, and give each finding as soon as it is there.

    Args:
        seconds: How long a plugin may take to be imported.
    """
    yield from machine()
    yield from installed()
    usable = True
    for finding in environment():
        usable = usable and finding.status != "problem"
        yield finding
    yield from plugins(seconds)
    yield selfcheck(usable)
