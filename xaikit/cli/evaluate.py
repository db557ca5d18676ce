"""`xaikit evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from .console import as_json, out, say, wide


def evaluate(
    expressions: Annotated[
        list[str] | None, typer.Argument(help="Explainers to compare; with --suite by default the whole catalogue.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="A .keras or .h5 file; by default the embedded one.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A folder of pictures, or an .npz of inputs, and if you like targets and masks."),
    ] = None,
    suite: Annotated[str, typer.Option(help="In place of model and data: shapes, grid, closed-form or digits.")] = "",
    metrics: Annotated[
        list[str] | None, typer.Option("--metrics", help='A metric, "deletion(steps=20)"; repeatable.')
    ] = None,
    target: Annotated[str, typer.Option(help="top1, topK, all or an index; by default the targets in the data.")] = "",
    preprocess: Annotated[str, typer.Option(help="Of pictures: auto, none, unit, tf, caffe or torch.")] = "auto",
    size: Annotated[str, typer.Option(help="Feed pictures at this size, 224 or 224x320 (height x width).")] = "",
    batch_size: Annotated[
        str, typer.Option(help="The most rows that the model is fed at once; auto measures what is good.")
    ] = "32",
    devices: Annotated[str, typer.Option(help="one, or all: replicas on every GPU, or every logical CPU.")] = "one",
    precision: Annotated[str, typer.Option(help="bfloat16, to compute in 16 bits; by default the model's own.")] = "",
    fail_under: Annotated[
        list[str] | None, typer.Option(help="METRIC=VALUE: exit with 8 if a mean is lower; for higher-is-better.")
    ] = None,
    fail_above: Annotated[
        list[str] | None, typer.Option(help="METRIC=VALUE: exit with 8 if a mean is higher; for lower-is-better.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a line for each cell there too.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A folder for the table and the plots.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first cell that cannot be measured.")] = False,
    trust: Annotated[bool, typer.Option("--trust-model", help="Run code that the model file brings.")] = False,
    as_data: Annotated[bool, typer.Option("--json", help="Print everything as JSON, for a program.")] = False,
) -> None:
    """Compare explainers by metrics.

    The arrays of an .npz are fed as they are; pictures of a folder as by `xaikit explain`. The exit code is 8 where a
    threshold is missed, and 5 where a cell could not be measured of an expression that was asked for.
    """
    from ..errors import PartialError
    from .comparing import Wanted, check_thresholds, compare, read_thresholds, write_folder
    from .folder import written_whole
    from .machine import asked_machine
    from .starting import start_tensorflow

    thresholds = read_thresholds(fail_under or [], fail_above or [])
    asked = expressions or []
    wanted = Wanted.read(asked, metrics or [], model, data, suite, target, preprocess, size, thresholds)
    machine = asked_machine(batch_size, devices, precision)
    start_tensorflow()
    found = compare(wanted, machine, strict=strict, trust=trust, tell=say)
    if output is not None:
        with written_whole(output) as folder:
            write_folder(found, folder)
        say(f"written to {output}")
    if csv is not None:
        found.to_csv(csv)
    if as_data:
        from ..evaluation.written import data as plain

        as_json(plain(found))
    else:
        wide().print(found)
    check_thresholds(found, wanted.thresholds, tell=out if not as_data else say)
    if expressions and found.errors:
        cells = len(found.errors) + len(found.cells)
        raise PartialError(f"{len(found.errors)} of {cells} cells could not be measured: see the notes.")
