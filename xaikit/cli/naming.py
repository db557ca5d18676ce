"""Names of classes: read from a file, and found by name."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, UnknownName


def read_labels(path: Path) -> list[str]:
    """Read the names of the classes, in order: a text file with one a line, or JSON, a list or {"0": name}.

    Raises:
        InputError: The file cannot be read, or is neither.
    """
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


def _from_json(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = [value[str(i)] for i in range(len(value))]
    # ImageNet's own index gives a pair of identifier and name for each class
    names = [item[-1] if isinstance(item, list) else item for item in value]
    if not all(isinstance(name, str) for name in names):
        raise TypeError
    return names


def target_of(text: str, labels: Sequence[str]) -> Any:
    """Read --target: "top1", "topK", "all", an index, or a class's name.

    Raises:
        UnknownName: It is none of these.
    """
    if text in labels:
        return labels.index(text)
    if text.isdigit():
        return int(text)
    if text == "all" or (text.startswith("top") and text[3:].isdigit()):
        return text
    hint = "" if labels else "Names need --labels FILE; without it give an index, top1, topK or all."
    raise UnknownName("class", text, labels, hint=hint)


def name_of(index: int, labels: Sequence[str]) -> str:
    """Name a class for people."""
    return labels[index] if index < len(labels) else f"class {index}"
