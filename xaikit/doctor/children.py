"""Work in a child process: one that hangs is ended, one that dies is told of, and this process goes on."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What came of a child.

    Attributes:
        report: What it reported; None where it did not come so far.
        ended: How it ended where it reported nothing, such as "it crashed (SIGSEGV)".
    """

    report: Any
    ended: str = ""


def in_child(task: str, *arguments: str, seconds: float) -> Outcome:
    """Run a task of `xaikit.doctor.tasks` in a child process, with this process's modules.

    Args:
        task: The function's name.
        arguments: Its arguments.
        seconds: How long it may take.
    """
    with tempfile.TemporaryDirectory() as folder:
        report, errors = Path(folder, "report.json"), Path(folder, "errors")
        words = [sys.executable, "-m", "xaikit.doctor.tasks", str(report), task, *arguments]
        with errors.open("wb") as stderr:
            code = _ended(words, stderr, seconds)
        if code == 0 and report.exists():
            return Outcome(json.loads(report.read_text(encoding="utf-8")))
        return Outcome(None, _in_words(code, seconds, errors.read_text(encoding="utf-8", errors="replace")))


def _ended(words: list[str], stderr: Any, seconds: float) -> int | None:
    """Wait for a child's exit code; None if it had to be ended, with whatever it had started itself."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    child = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # a report is a file: what a plugin prints cannot be taken for one
        stderr=stderr,
        env={**os.environ, "PYTHONPATH": path, "TF_FORCE_GPU_ALLOW_GROWTH": "true"},
        start_new_session=True,
    )
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if child.poll() is None:
            _end(child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    if os.name == "posix":
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()


def _in_words(code: int | None, seconds: float, errors: str) -> str:
    if code is None:
        return f"it was not done after {seconds:g} s"
    if code < 0:
        return f"it crashed ({signal.Signals(-code).name})"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    last = f": {lines[-1][:300]}" if code and lines else ""
    return f"it ended Python with exit code {code}{last}"
