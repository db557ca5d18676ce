"""Names of classes: read from a file, and found."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, TargetError, UnknownName


def read_labels(path: Path | str) -> list[str]:
    """Read the names of the classes, in order: a text file with one a line, or JSON, a list or {"0": name}.

    Raises:
        InputError: The file cannot be read, or is neither.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read labels from {path}: {error}.") from error
    if path.suffix.lower() != ".json":
        return [line.strip() for line in text.strip().splitlines()]
    try:
        return _from_json(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} must hold a JSON list of names, or an object from indices to names.") from error


def index_of(name: str, labels: Sequence[str], *, hint: str = "") -> int:
    """Find a class by its name.

    Raises:
        UnknownName: No class bears it; the nearest is named.
        TargetError: Several classes bear it.
    """
    found = [i for i, label in enumerate(labels) if label == name]
    if not found:
        raise UnknownName("class", name, labels, hint=hint)
    if len(found) > 1:
        places = ", ".join(map(str, found))
        raise TargetError(f"Several classes are named {name!r}, {places}: give the index of one of them.")
    return found[0]


def _from_json(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = [value[str(i)] for i in range(len(value))]
    # ImageNet's own index gives a pair of identifier and name for each class
    names = [item[-1] if isinstance(item, list) else item for item in value]
    if not all(isinstance(name, str) for name in names):
        raise TypeError
    return names
