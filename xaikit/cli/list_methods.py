"""`xaikit list-methods`."""

from typing import Annotated

import typer

from .console import as_json, say, table


def list_methods(
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")] = False,
) -> None:
    """List the methods, transformers and metrics, built in and from plugins."""
    from ..registry import registry

    entries = sorted(registry().catalogue.values(), key=lambda entry: (entry.kind, entry.name))
    rows: list[list[object]] = [[entry.name, entry.kind, entry.summary, entry.origin] for entry in entries]
    if as_data:
        as_json([dict(zip(("name", "kind", "summary", "origin"), row, strict=True)) for row in rows])
    else:
        table(["NAME", "KIND", "WHAT IT DOES", "FROM"], rows)
    failed = [plugin.label for plugin in registry().plugins if plugin.status == "failed"]
    if failed:
        say(f"note: these plugins failed, see `xaikit plugins`: {', '.join(failed)}")
