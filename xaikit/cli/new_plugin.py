"""`xaikit new-plugin`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import out


def new_plugin(
    name: Annotated[str, typer.Argument(help="The new distribution's name, such as xaikit-sharpness.")],
    kind: Annotated[
        Literal["method", "transformer", "metric"], typer.Option(help="What it offers at first.")
    ] = "method",
    folder: Annotated[
        Path | None, typer.Option(help="The folder to make; by default one of the plugin's name, here.")
    ] = None,
) -> None:
    """Write a package that adds a method, a transformer or a metric: it works, has a test, and is yours to change."""
    from .scaffold import Names, written

    folder = folder or Path(name)
    names = Names.of(name, kind)
    for path in written(names, kind, folder):
        out(folder / path)
    out(
        f"\nNext, in {folder}:\n"
        "  pip install -e '.[test]'\n"
        f"  xaikit show {names.name}\n"
        "  python -m pytest\n"
        f"Then put your own formula into {names.module}.py."
    )
