"""`xaikit plugins`."""

from typing import Annotated, Any

import typer

from .console import as_json, table


def plugins(
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")] = False,
) -> None:
    """List the plugins: what each offers, and what went wrong."""
    from ..registry import registry

    registry().catalogue  # noqa: B018 (names that clash are noticed when the catalogue is made)
    found = registry().plugins
    if as_data:
        keys = ("distribution", "version", "name", "module", "builtin", "status", "problem", "seconds")
        offers = ({"imports_tensorflow": p.heavy, "offers": sorted(p.explainers)} for p in found)
        as_json([{key: getattr(p, key) for key in keys} | more for p, more in zip(found, offers, strict=True)])
        return
    rows: list[list[object]] = [
        [p.distribution, p.version, p.name, p.status, ", ".join(sorted(p.explainers)), f"{p.seconds:.3f}", _remarks(p)]
        for p in found
    ]
    table(["DISTRIBUTION", "VERSION", "PLUGIN", "STATUS", "OFFERS", "SECONDS", "REMARKS"], rows)


def _remarks(plugin: Any) -> str:
    heavy = "importing it imports TensorFlow, which slows every command down" if plugin.heavy else ""
    return "; ".join(remark for remark in (plugin.problem, heavy) if remark)
