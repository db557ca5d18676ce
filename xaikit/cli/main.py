"""The entry: exit codes, signals, and errors in one line."""

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from ..errors import XaikitError, XaikitWarning
from .console import say

_GLOBAL = {"--no-plugins": 0, "--block": 1, "--debug": 0}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: What stands after `xaikit`; by default the process's own.
    """
    # TensorFlow's log, unless the user asks for it; it must be set before the import
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = _hoisted(sys.argv[1:] if arguments is None else arguments)
    with _surroundings():
        from .app import app

        try:
            app(arguments, prog_name="xaikit")
        except XaikitError as error:
            if "--debug" in arguments:
                raise
            _fail(error)
        except Exception:
            say("error: this is a fault of xaikit's own; please report it with the lines below.")
            raise


@contextmanager
def _surroundings() -> Iterator[None]:
    """Turn signals into exit codes and warnings into lines, and put back what was there before."""
    codes = {signal.SIGINT: 130, signal.SIGTERM: 143}
    before = {number: signal.signal(number, _ending(code)) for number, code in codes.items()}
    with warnings.catch_warnings():
        warnings.showwarning = _one_line
        warnings.filterwarnings("always", category=XaikitWarning)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _hoisted(arguments: list[str]) -> list[str]:
    """Move the options that hold for every command in front of it, wherever they were written."""
    first: list[str] = []
    rest: list[str] = []
    ahead = list(arguments)
    while ahead:
        word = ahead.pop(0)
        name = word.split("=")[0]
        if word == "--":
            rest += [word, *ahead]
            break
        if name in _GLOBAL:
            first.append(word)
            if "=" not in word:
                first += [ahead.pop(0) for _ in range(min(_GLOBAL[name], len(ahead)))]
        else:
            rest.append(word)
    return first + rest


def _fail(error: XaikitError) -> NoReturn:
    say(f"error: {' '.join(str(error).split())}")
    sys.exit(error.exit_code)


def _ending(code: int) -> Any:
    def end(*_: object) -> NoReturn:
        sys.exit(code)  # files are written under another name and moved, so none is left half-written

    return end


def _one_line(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"warning: {' '.join(str(message).split())}")
