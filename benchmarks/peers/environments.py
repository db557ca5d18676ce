"""An environment for each library, made once from its list."""

import json
import subprocess
import sys
from pathlib import Path

from .listed import PEERS, Peer

_MADE = "made-from.json"  # what an environment was made from: another list makes it anew
_PATIENCE = 1800  # seconds


class CannotInstall(Exception):
    """Pip did not do it; the text says why."""


def environment(name: str, folder: Path) -> Path:
    """Give the Python of a library's environment, which is made if it is not there.

    Raises:
        CannotInstall: Pip could not install something.
    """
    home, peer = folder / name, PEERS[name]
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    mark = home / _MADE
    if mark.exists() and json.loads(mark.read_text(encoding="utf-8")) == _list(peer):
        return python
    _do([sys.executable, "-m", "venv", "--clear", str(home)])
    _do([str(python), "-m", "pip", "install", "-q", *peer.requirements])
    if peer.alone:
        _do([str(python), "-m", "pip", "install", "-q", "--no-deps", *peer.alone])
    mark.write_text(json.dumps(_list(peer)), encoding="utf-8")
    return python


def _list(peer: Peer) -> list[list[str]]:
    return [list(peer.requirements), list(peer.alone)]


def _do(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise CannotInstall(f"gave up after {error.timeout:.0f} s") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise CannotInstall(lines[-1] if lines else f"exit code {done.returncode}")
