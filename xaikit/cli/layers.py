"""`xaikit layers`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .console import as_json, out, plain, say, wide


def layers(
    model: Annotated[Path | None, typer.Argument(help="A .keras or .h5 file; by default the embedded one.")] = None,
    trust: Annotated[bool, typer.Option("--trust-model", help="Run code that the model file brings.")] = False,
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")] = False,
) -> None:
    """Draw a model's layers with their paths and shapes, and mark the one that a CAM reads by default."""
    from ..core import as_view
    from ..core.taps import described
    from ..demo import model_path
    from ..models import load
    from .starting import start_tensorflow

    start_tensorflow()
    loaded = load(model or model_path(), trust=trust)
    rows = described(as_view(loaded))
    if as_data:
        as_json(rows)
        return
    wide().print(_tree(loaded.name, rows))
    if not any(row["default"] for row in rows):
        say("note: no layer on the way to the scores has positions, so class activation maps need another model")
    out("\n* the layer that class activation maps read by default; + layers with positions on the way to the scores")


def _tree(name: str, rows: list[dict[str, Any]]) -> Any:
    """Nest the layers by their paths; a nested model's own row comes after those inside of it."""
    from rich.text import Text
    from rich.tree import Tree

    root = Tree(Text(plain(name), style="bold"), guide_style="dim")
    branches: dict[str, Any] = {"": root}

    def branch(path: str) -> Any:
        if path not in branches:
            branches[path] = branch(path.rpartition("/")[0]).add(Text(plain(path.rpartition("/")[2])))
        return branches[path]

    for row in rows:
        mark = "*" if row["default"] else "+" if row["positions"] else " "
        shape = row["shape"] if isinstance(row["shape"], str) else f"({', '.join(map(str, row['shape']))})"
        label = Text(f"{plain(row['path'].rpartition('/')[2])}  ").append(f"{row['class']} {shape} ", style="dim")
        branch(row["path"]).label = label.append(mark.strip(), style="bold")
    return root
