"""Names of classes and outputs: what --target and --output-name mean, and what people are told."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import UnknownName
from ..targets import difference, output
from ..targets.labels import index_of


def target_of(text: str, labels: Sequence[str], which: str = "") -> Any:
    """Read --target: "top1", "topK", "all", an index, a class's name, or FIRST-SECOND; and --output-name.

    Raises:
        UnknownName: It is none of these.
        TargetError: Several classes have that name, or a class is compared with itself.
    """
    target = _target(text, labels)
    if not which:
        return target
    return output(int(which) if which.isdecimal() else which, target)


def _target(text: str, labels: Sequence[str]) -> Any:
    if text == "all":
        return text
    single = _single(text, labels)
    if single is not None:
        return single
    for first, second in _halves(text):
        pair = _single(first, labels), _single(second, labels)
        if None not in pair:
            return difference(*pair)
    hint = "" if labels else "Names need --labels FILE; without it give an index, top1, topK, all or top1-top2."
    raise UnknownName("class", text, labels, hint=hint)


def _single(text: str, labels: Sequence[str]) -> Any:
    """Read a name, an index or a rank, or give None."""
    if text in labels:
        return index_of(text, labels)
    if text.isdecimal():
        return int(text)
    return text if re.fullmatch(r"top\d+", text) else None


def _halves(text: str) -> Iterator[tuple[str, str]]:
    """Part a text at each of its hyphens: a class's name may have some of its own."""
    for place in (match.start() for match in re.finditer("-", text)):
        yield text[:place], text[place + 1 :]


def name_of(index: int, labels: Sequence[str]) -> str:
    """Name a class for people."""
    return labels[index] if index < len(labels) else f"class {index}"
