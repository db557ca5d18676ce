"""`xaikit show`."""

from typing import Annotated, Any

import typer

from .console import as_json, out, table


def show(
    name: Annotated[str, typer.Argument(help="A name, as `xaikit list-methods` lists it.")],
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")] = False,
) -> None:
    """Show what a method, transformer or metric does, its parameters, and its source."""
    from ..core.declaration import Declared
    from ..registry import registry

    entry = registry().entry(name)
    if not isinstance(entry.value, Declared):
        out(f"{entry.name} ({entry.kind}, from {entry.origin})\n\n{entry.summary}")
        return
    declaration: Any = entry.value.declaration
    text = declaration.docstring
    parameters = [
        {"name": item.name, "default": item.default, "rule": item.rule, "text": item.text}
        for item in declaration.parameters.values()
    ]
    if as_data:
        about = {"name": entry.name, "kind": entry.kind, "origin": entry.origin, "summary": text.summary}
        about |= {"better": declaration.better} if entry.kind == "metric" else {}
        as_json(about | {"prose": text.prose, "parameters": parameters, "sections": dict(text.sections)})
        return
    out(f"{_usage(entry.name, declaration)}    {entry.kind}, from {entry.origin}")
    if entry.kind == "metric":
        out(", ".join(_ways(declaration)))
    out(f"\n{text.summary}")
    if text.prose:
        out(f"\n{text.prose}")
    if parameters:
        out()
        rows = [[p["name"], repr(p["default"]), p["rule"], p["text"]] for p in parameters]
        table(["PARAMETER", "DEFAULT", "RULE", ""], rows)
    for title, paragraph in text.sections.items():
        out(f"\n{title}: {paragraph}")


def _usage(name: str, declaration: Any) -> str:
    if declaration.kind == "method":
        return name
    if declaration.kind == "metric":
        subject = "explainer" if declaration.explains else "explainer or maps"
        return f"{name}({subject}, model, inputs, targets{', masks' if declaration.masks else ''})"
    operands = declaration.operands
    if operands is None:
        return f"{name}(a, b, ...)"
    return f"{name}({'e' if operands == 1 else ', '.join('abcdefgh'[:operands])})"


def _ways(declaration: Any) -> list[str]:
    """Say what is particular of a metric."""
    ways = [f"{declaration.better} is better"]
    ways += ["needs masks"] if declaration.masks else []
    return ways + (["has a curve"] if declaration.curve else [])
