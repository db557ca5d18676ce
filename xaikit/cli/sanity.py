"""`xaikit sanity`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import as_json, out, say, table

if TYPE_CHECKING:
    from ..evaluation.sanity import Sanity

_EMBEDDED = 12  # pictures


def sanity(
    expressions: Annotated[list[str], typer.Argument(help="Explainers to check.")],
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="A .keras or .h5 file; by default the embedded one.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="A folder of pictures, or an .npz of inputs, and if you like targets.")
    ] = None,
    target: Annotated[str, typer.Option(help="top1, topK, all or an index; by default the targets in the data.")] = "",
    order: Annotated[str, typer.Option(help="Layers are drawn anew top_down, from the scores, or bottom_up.")] = (
        "top_down"
    ),
    similarity: Annotated[str, typer.Option(help="How maps are compared: spearman, pearson or ssim.")] = "spearman",
    seed: Annotated[int, typer.Option(min=0, help="Which draws.")] = 0,
    preprocess: Annotated[str, typer.Option(help="Of pictures: auto, none, unit, tf, caffe or torch.")] = "auto",
    size: Annotated[str, typer.Option(help="Feed pictures at this size, 224 or 224x320 (height x width).")] = "",
    batch_size: Annotated[int, typer.Option(min=1, help="The most rows that the model is fed at once.")] = 32,
    fail_above: Annotated[
        float | None, typer.Option(help="Exit with 8 if an explainer keeps more than this of its maps.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A folder for the figures and curves.")] = None,
    trust: Annotated[bool, typer.Option("--trust-model", help="Run code that the model file brings.")] = False,
    as_data: Annotated[bool, typer.Option("--json", help="Print everything as JSON, for a program.")] = False,
) -> None:
    """Check whether explainers show what the model learned.

    The weights of the model are drawn anew, layer after layer, and another class is explained: what stays as it was
    shows the input. An explainer passes if the mean similarity of its maps to those of the model as it is, over the
    layers that are drawn anew one after the other, is at most 0.2, or what --fail-above says.
    """
    from ..errors import PartialError, ThresholdMissed
    from ..evaluation.sanity import LIMIT
    from .folder import MANIFEST, save_json, written_whole

    limit = LIMIT if fail_above is None else fail_above
    found = _checked(expressions, model, data, target, order, similarity, seed, preprocess, size, batch_size, trust)
    made = _as_data(found, limit)
    if output is not None:
        with written_whole(output) as folder:
            found.plot(to=folder / "sanity.png")
            save_json(folder / MANIFEST, made | {"files": ["sanity.png", MANIFEST]})
    if as_data:
        as_json(made)
    else:
        _print(found, limit)
        if output is not None:
            out(f"\nThe curves: {output / 'sanity.png'}")
    failed = [name for name, check in found.checks.items() if not check.passes(limit)]
    unmeasured = [name for name in failed if math.isnan(found.checks[name].cascading)]
    if unmeasured:
        raise PartialError(f"{' and '.join(unmeasured)} could not be checked.")
    if fail_above is not None and failed:
        raise ThresholdMissed(f"{' and '.join(failed)} kept more than {limit:g} of their maps.")


def _checked(
    expressions: list[str],
    model: Path | None,
    data: Path | None,
    target: str,
    order: Any,
    similarity: Any,
    seed: int,
    preprocess: str,
    size: str,
    batch_size: int,
    trust: bool,
) -> "Sanity":
    from .comparing import Wanted
    from .starting import start_tensorflow

    wanted = Wanted.read(expressions, [], model, data, "", target, preprocess, size, [])
    start_tensorflow()
    from ..evaluation.sanity import sanity as check
    from .data import examples

    given = examples(wanted, _EMBEDDED, trust, say)
    targets = wanted.target if wanted.target is not None else given.targets
    return check(
        wanted.explainers,
        given.model,
        given.inputs,
        "top1" if targets is None else targets,
        order=order,
        similarity=similarity,
        seed=seed,
        batch_size=batch_size,
    )


def _as_data(found: "Sanity", limit: float) -> dict[str, Any]:
    explainers = {
        name: {**{key: _plain(value) for key, value in check._asdict().items()}, "passes": check.passes(limit)}
        for name, check in found.checks.items()
    }
    curves = {
        f"{name}: {metric}": [_plain(float(value)) for value in cell.band.mean]
        for (name, metric), cell in found.evaluation.cells.items()
        if cell.band is not None
    }
    return {
        "limit": limit,
        "order": found.order,
        "layers": list(found.layers),
        "examples": found.evaluation.examples,
        "explainers": explainers,
        "curves": curves,
        "errors": {f"{name}: {metric}": why for (name, metric), why in found.evaluation.errors.items()},
    }


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value


def _print(found: "Sanity", limit: float) -> None:
    rows: list[list[object]] = [
        [name, *(f"{value:.2f}" for value in check), "passes" if check.passes(limit) else "fails"]
        for name, check in found.checks.items()
    ]
    out(f"How alike maps stay when the model forgets, {found.order} (at most {limit:g} passes; 1 is unchanged):\n")
    table(["EXPLAINER", "LAYER AFTER LAYER", "ALL REDRAWN", "EACH LAYER ALONE", "ANOTHER CLASS", "VERDICT"], rows)
    for (name, metric), why in found.evaluation.errors.items():
        say(f"note: {metric} of {name}: {why}")
