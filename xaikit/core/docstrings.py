"""Docstrings in parts: what a method says of itself, for `xaikit show` and the reference."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Docstring:
    """A docstring in parts.

    Attributes:
        summary: Its first paragraph, in one line.
        prose: Paragraphs that belong to no section.
        sections: "Maps", "Cost", "Claims", "Source", "Raises", "Example": their texts.
        arguments: The line of each parameter.
    """

    summary: str
    prose: str
    sections: Mapping[str, str]
    arguments: Mapping[str, str]


_SECTION = re.compile(r"(Maps|Cost|Claims|Args|Raises|Source|Example|Returns):\s*(.*)", re.DOTALL)


def parse(docstring: str | None) -> Docstring:
    """Split a docstring into its parts; a missing one has empty parts."""
    summary, prose = "", []
    sections: dict[str, str] = {}
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(docstring or "")):
        # "Maps: ...", "Cost: ..." and "Claims: ..." may share a paragraph, a line each
        for block in re.split(r"\n(?=(?:Maps|Cost|Claims|Args|Raises|Source|Example|Returns):)", paragraph):
            match = _SECTION.fullmatch(block.strip())
            if match:
                sections[match[1]] = match[2]
            elif not summary:
                summary = _line(block)
            else:
                prose.append(_line(block))
    arguments = _arguments(sections.pop("Args", ""))
    return Docstring(summary, "\n\n".join(prose), {k: _line(v) for k, v in sections.items()}, arguments)


def _line(text: str) -> str:
    return " ".join(text.split())


def _arguments(text: str) -> dict[str, str]:
    entries = re.findall(r"^\s*(\w+): (.*?)(?=^\s*\w+: |\Z)", text, re.DOTALL | re.MULTILINE)
    return {name: _line(line) for name, line in entries}
