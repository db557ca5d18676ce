"""`xaikit show`."""

from typing import Annotated, Any

import typer

from .console import as_json, out, table


def show(
    name: Annotated[str, typer.Argument(help="A name, as `xaikit list-methods` lists it.")],
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")] = False,
) -> None:
    """Show what a method or transformer does, its parameters, and its source."""
    from ..core import Recipe
    from ..registry import registry

    entry = registry().entry(name)
    if not isinstance(entry.value, Recipe):
        out(f"{entry.name} ({entry.kind}, from {entry.origin})\n\n{entry.summary}")
        return
    declaration = entry.value.declaration
    text = declaration.docstring
    parameters = [
        {"name": item.name, "default": item.default, "rule": item.rule, "text": item.text}
        for item in declaration.parameters.values()
    ]
    if as_data:
        about = {"name": entry.name, "kind": entry.kind, "origin": entry.origin, "summary": text.summary}
        as_json(about | {"prose": text.prose, "parameters": parameters, "sections": dict(text.sections)})
        return
    out(f"{_usage(entry.name, entry.kind, declaration.operands)}    {entry.kind}, from {entry.origin}")
    out(f"\n{text.summary}")
    if text.prose:
        out(f"\n{text.prose}")
    if parameters:
        out()
        rows = [[p["name"], repr(p["default"]), p["rule"], p["text"]] for p in parameters]
        table(["PARAMETER", "DEFAULT", "RULE", ""], rows)
    for title, paragraph in text.sections.items():
        out(f"\n{title}: {paragraph}")


def _usage(name: str, kind: str, operands: Any) -> str:
    if kind == "method":
        return name
    return (
        f"{name}({', '.join('abcdefgh'[:operands]) if operands not in (None, 1) else 'e' if operands else 'a, b, ...'})"
    )
