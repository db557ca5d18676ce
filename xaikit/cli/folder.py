"""The folder of results: written beside its place, and moved there when everything is done."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import OutputError

MANIFEST = "manifest.json"


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """Give a new folder to write into, whose files come into `folder` if all goes well, and are removed if not.

    A folder that exists must be empty or hold the results of an earlier run, which are replaced.

    Raises:
        OutputError: The folder cannot be made or written, or holds files of somebody else's.
    """
    earlier = _earlier_files(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"Cannot write beside {folder}: {error.strerror or error}.") from error
    try:
        yield staging
        _move(staging, folder, earlier)
    except OSError as error:
        raise OutputError(f"Cannot write {folder}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def save_json(path: Path, value: Any) -> None:
    """Write JSON, in ASCII."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=True, default=str) + "\n", encoding="ascii")


def _earlier_files(folder: Path) -> list[str]:
    """List what an earlier run of ours wrote there, and refuse a folder with anything else in it."""
    if not folder.exists() and not folder.is_symlink():
        return []
    if not folder.is_dir():
        raise OutputError(f"Cannot write {folder}: it is no folder.")
    try:
        found = sorted(item.name for item in folder.iterdir())
    except OSError as error:
        raise OutputError(f"Cannot read {folder}: {error.strerror or error}.") from error
    if not found:
        return []
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        files = None
    if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        raise OutputError(f"{folder} holds files that are not xaikit's: give an empty or a new folder with -o.")
    return [name for name in files if name in found]  # names alone: a manifest cannot point out of its folder


def _move(staging: Path, folder: Path, earlier: list[str]) -> None:
    new = {item.name for item in staging.iterdir()}
    folder.mkdir(exist_ok=True)
    for name in earlier:
        if name not in new:
            (folder / name).unlink(missing_ok=True)
    for name in sorted(new, key=lambda name: name == MANIFEST):  # the manifest last: it says that all is there
        os.replace(staging / name, folder / name)
