"""Drawings into files and buffers, whole or not at all."""

import io
import os
import secrets
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..errors import OutputError, ParameterError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Without the day and the program in it, the same drawing is the same file.
_KINDS: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}
_DOTS_PER_INCH = 150

Target = str | os.PathLike[str] | BinaryIO  # where a drawing goes


def rendered(figure: "Figure", kind: str = "png") -> bytes:
    """Draw the figure as png, pdf or svg."""
    page = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)  # a box stands for what no font has
        figure.savefig(page, format=kind, dpi=_DOTS_PER_INCH, bbox_inches=None, metadata=_KINDS[kind])
    return page.getvalue()


def kind_of(path: Path) -> str:
    """Say what a file of this name holds: png, pdf or svg.

    Raises:
        ParameterError: The ending is another one.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _KINDS:
        raise ParameterError(f"to must end in .png, .pdf or .svg, not in {path.suffix!r}.")
    return kind


def save(figure: "Figure", to: Target) -> None:
    """Write the figure to a path, as its ending says, or as png to a binary buffer.

    Raises:
        ParameterError: The path has another ending than .png, .pdf or .svg.
        OutputError: It cannot be written; what was there before is still there.
    """
    if not isinstance(to, str | os.PathLike):
        _attempt(lambda: to.write(rendered(figure)), "the buffer")
        return
    path = Path(to)
    content = rendered(figure, kind_of(path))
    _attempt(lambda: _replace(path, content), str(path))


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".tmp-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _attempt(write: Callable[[], object], where: str) -> None:
    try:
        write()
    except (OSError, ValueError) as error:  # ValueError: a closed buffer, a NUL in a name
        shown = where.encode("unicode_escape").decode() if not where.isprintable() else where
        raise OutputError(f"cannot write {shown}: {getattr(error, 'strerror', None) or error}") from error
