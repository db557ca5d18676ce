"""A bar on stderr."""

import sys
import time
from typing import Any, Literal

from ..errors import UsageError

_LONG = 2.0  # seconds after which work is long, and a bar worth showing


class Bar:
    """Shows how far a long piece of work is.

    Args:
        wanted: True shows it at once, False never; "auto" shows it on a terminal when the work is long.
        total: How many steps there are, or None.
        text: What is done.
    """

    def __init__(self, wanted: bool | Literal["auto"], total: int | None, text: str) -> None:
        if wanted not in (True, False, "auto"):
            raise UsageError(f"progress must be True, False or 'auto', not {wanted!r}.")
        self.total, self.text = total, text
        self._wanted = wanted is True or (wanted == "auto" and sys.stderr.isatty())
        self._after = time.monotonic() + (0.0 if wanted is True else _LONG)
        self._done = 0
        self._bar: Any = None

    def advance(self, steps: int) -> None:
        """Say that some more steps are done."""
        self._done += steps
        if self._wanted and self._bar is None and time.monotonic() >= self._after:
            self._open()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)

    def close(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        # in a file the bar's last state stays; on a terminal it makes way for what comes
        self._bar = Progress(*columns, console=console, transient=console.is_terminal)
        self._task = self._bar.add_task(self.text, total=self.total)
        self._bar.start()
