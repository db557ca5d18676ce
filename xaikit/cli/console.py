"""What is printed: results on stdout, progress and messages on stderr, and data never read as markup."""

import json
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: object) -> str:
    """Strip control characters, and what the terminal cannot encode, from data."""
    return _CONTROLS.sub("?", str(text).encode("utf-8", "backslashreplace").decode())


def out(text: object = "") -> None:
    """Print a line of results on stdout."""
    print(plain(text))


def say(text: object) -> None:
    """Print a message on stderr."""
    print(plain(text), file=sys.stderr)


def as_json(value: Any) -> None:
    """Print a result for a program, in ASCII, so that any terminal can carry it."""
    print(json.dumps(value, indent=2, ensure_ascii=True, default=str))


def table(columns: list[str], rows: list[list[object]]) -> None:
    """Print rows on stdout as a table that fits the terminal."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(plain(cell)) for cell in row))
    wide().print(drawn)


def wide() -> "Console":
    """Give a console for stdout; where that is no terminal, lines are not cut."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=200)
