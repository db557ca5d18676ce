"""`xaikit explain`."""

from pathlib import Path
from typing import Annotated

import typer

from .console import as_json, out, say

DEFAULT_FOLDER = Path("xaikit-explanations")


def explain(
    expression: Annotated[str, typer.Argument(help="A name or an expression: smooth(tta(gradcam)).")],
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; by default the embedded pictures.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="A .keras or .h5 file; by default the embedded one.")
    ] = None,
    layer: Annotated[str, typer.Option(help="The layer to read, a name or a path: backbone/conv5.")] = "",
    target: Annotated[
        str, typer.Option(help="top1, topK, all, an index, a name from --labels; or FIRST-SECOND: top1-top2.")
    ] = "top1",
    output_name: Annotated[str, typer.Option(help="Which of several outputs: its name, or its position from 0.")] = "",
    labels: Annotated[Path | None, typer.Option(help="The classes' names: one a line, or JSON.")] = None,
    preprocess: Annotated[str, typer.Option(help="auto, none, unit, tf, caffe or torch.")] = "auto",
    size: Annotated[str, typer.Option(help="Feed pictures at this size, 224 or 224x320 (height x width).")] = "",
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE, a parameter of the expression.")
    ] = None,
    show: Annotated[str, typer.Option(help="What the overlay shows: auto, for, size or signed.")] = "auto",
    batch_size: Annotated[
        str, typer.Option(help="The most rows that the model is fed at once; auto measures what is good.")
    ] = "32",
    devices: Annotated[str, typer.Option(help="one, or all: replicas on every GPU, or every logical CPU.")] = "one",
    precision: Annotated[str, typer.Option(help="bfloat16, to compute in 16 bits; by default the model's own.")] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the results go.")] = DEFAULT_FOLDER,
    trust: Annotated[bool, typer.Option("--trust-model", help="Run code that the model file brings.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Report figures of each map, in the manifest.")] = False,
    as_data: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON, for a program.")] = False,
) -> None:
    """Show what a model sees in pictures.

    For each picture, write an overlay to look at (.png) and the raw map (.npy), and beside them a manifest.json that
    says what was explained by what.
    """
    from ..errors import PartialError
    from ..registry import find
    from .folder import written_whole
    from .job import Job, choices
    from .machine import asked_machine
    from .parameters import with_layer, with_parameters
    from .starting import start_tensorflow

    explainer = with_layer(with_parameters(find(expression), parameter or []), layer)
    asked = choices(pictures or [], model, target, output_name, labels, preprocess, size, show, trust)
    machine = asked_machine(batch_size, devices, precision)
    with written_whole(output) as folder:
        start_tensorflow()
        job = Job(explainer, asked, machine, folder, details=details, tell=say)
        manifest = job.run()
    if as_data:
        as_json(manifest)
    else:
        for row in manifest["pictures"]:
            out(f"{row['picture']}: {row['title']} -> {output / row['overlay']}")
            for name, figures in row["details"].items():
                out(f"  {name}: {', '.join(f'{figure:.4g}' for figure in figures)}")
    if manifest["failed"]:
        raise PartialError(f"{len(manifest['failed'])} of {job.count} pictures could not be explained.")
