"""`xaikit check`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import as_json, plain, say, table

if TYPE_CHECKING:
    from .checking import Found


def check(
    name: Annotated[
        str, typer.Argument(help="A name or an expression: smooth(gradcam), deletion; a transformer alone, smooth.")
    ],
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="A .keras or .h5 file; by default the embedded ones.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Examples for --model, an .npy file [N, ...]; by default random ones.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="A law's name; repeatable.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the laws that cost more.")] = False,
    trust: Annotated[bool, typer.Option("--trust-model", help="Run code that the model file brings.")] = False,
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")] = False,
) -> None:
    """Check that a method, a transformer or a metric keeps the laws.

    By default on a small embedded model; an explainer on the one that `xaikit demo` explains too. A broken law is an
    error, with exit code 6. Advice that does not hold is a warning.
    """
    from ..errors import PluginError
    from ..registry import find
    from .checking import judged, laws_of, merged, subjects

    explainer = find(name)
    laws = laws_of(explainer, only or [], quick)
    found: list[Found] = []
    for subject in subjects(explainer, laws, model, data, trust):
        say(f"checking {explainer!r} on {subject.name}: {len(subject.laws)} laws")
        with _progress() as progress:
            for each in judged(explainer, subject):
                found.append(each)
                progress.update(f"{plain(each.verdict.explainer)}: {each.verdict.law}")
    rows = merged(found)
    broken = [row.verdict.law for row in rows if row.verdict.outcome == "fail"]
    if as_data:
        as_json({"explainer": repr(explainer), "broken": broken, "verdicts": [_data(each) for each in found]})
    else:
        table(["LAW", "", "FIGURE", "WHAT IT MEANS"], [_cells(row, repr(explainer)) for row in rows])
    if broken:
        raise PluginError(f"{explainer!r} breaks {len(broken)} of {len(rows)} laws: {', '.join(broken)}.")


def _progress() -> Any:
    """A line on stderr that says what was checked last; nothing where that is no terminal."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False).status("the first law")


def _cells(row: "Found", spelling: str) -> list[object]:
    verdict = row.verdict
    figure = "" if verdict.figure is None else f"{verdict.figure:.2g}"
    if not verdict.text:
        return [verdict.law, verdict.outcome, figure, verdict.statement]
    where = [] if verdict.explainer == spelling else [verdict.explainer]
    if verdict.outcome in ("fail", "warning"):
        where.append(f"on {row.model}")
    seen = f"{', '.join(where)}: {verdict.text}" if where else verdict.text
    return [verdict.law, verdict.outcome, figure, f"{verdict.statement} ({seen})"]


def _data(each: "Found") -> dict[str, Any]:
    verdict = each.verdict
    figure = verdict.figure if verdict.figure is not None and math.isfinite(verdict.figure) else None
    return {
        "law": verdict.law,
        "outcome": verdict.outcome,
        "figure": figure,
        "text": verdict.text,
        "meaning": verdict.statement,
        "explainer": verdict.explainer,
        "model": each.model,
    }
