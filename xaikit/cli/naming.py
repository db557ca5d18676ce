"""Names of classes: read from a file, and found by name."""

from collections.abc import Sequence
from typing import Any

from ..errors import UnknownName


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
