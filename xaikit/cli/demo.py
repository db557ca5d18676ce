"""`xaikit demo`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .console import as_json, out, say, table

_EXPRESSIONS = {
    "gradients": "gradients",
    "smooth": "smooth(gradients, relative=True)",
    "gradcam": "gradcam",
    "tta": "tta(normalize(positive(gradcam)))",
    "both": "smooth(tta(gradcam), repetitions=5, relative=True)",
}


def demo(
    count: Annotated[int, typer.Option(min=1, max=24, help="How many pictures.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Which pictures.")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the comparison goes.")] = Path("xaikit-demo"),
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")] = False,
) -> None:
    """Explain the embedded pictures with several methods, and compare."""
    from .folder import MANIFEST, save_json, written_whole
    from .starting import start_tensorflow

    say("explaining the embedded pictures; TensorFlow takes some seconds to start")
    start_tensorflow()
    with written_whole(output) as folder:
        found = _compare(count, seed, folder / "comparison.png")
        save_json(folder / MANIFEST, found | {"files": ["comparison.png", MANIFEST]})
    if as_data:
        as_json(found)
        return
    rows = [
        [row["picture"], row["said"], *(f"{share:.0%}" for share in row["inside"].values())] for row in found["rows"]
    ]
    rows.append(["mean", "", *map(_percent, found["mean_inside"].values())])
    out(f"How much of each method's heat lies on the shape (shape's share of the picture: {found['mean_area']:.0%}):\n")
    table(["PICTURE", "MODEL SAYS", *_EXPRESSIONS], rows)
    out(f"\nThe pictures side by side: {output / 'comparison.png'}")
    out('Next: xaikit explain "smooth(tta(gradcam), relative=True)", or xaikit explain gradcam YOUR.png -m YOUR.keras')


def _compare(count: int, seed: int, picture: Path) -> dict[str, Any]:
    """Explain `count` pictures, draw them side by side, and say where the heat lies."""
    import numpy as np

    from ..demo import CLASSES, model_path, shapes
    from ..models import load

    drawn = shapes(count, side=96, seed=seed)
    model = load(model_path())
    inputs = drawn.images.astype("float32")
    said = [f"{CLASSES[p.argmax()]} {p.max():.0%}" for p in np.asarray(model(inputs, training=False))]
    heats, layers = _heats(model, inputs)
    _draw(drawn.images, heats, said, picture)
    inside = {name: _shares(values, drawn.masks) for name, values in heats.items()}
    rows = [
        {"picture": CLASSES[label], "said": said[i], "inside": {name: float(inside[name][i]) for name in inside}}
        for i, label in enumerate(drawn.labels)
    ]
    return {
        "expressions": _EXPRESSIONS,
        "layers": layers,
        "rows": rows,
        "mean_inside": {name: float(shares.mean()) for name, shares in inside.items()},
        "mean_area": float(drawn.masks.mean()),
    }


def _heats(model: Any, inputs: Any) -> tuple[dict[str, Any], dict[str, str | None]]:
    """Explain the inputs with each method: heat [N, H, W], and the layer that was read."""
    from ..api import explain
    from ..showing import heat

    for expression in _EXPRESSIONS.values():
        say(f"  {expression}")
    made: Any = explain(list(_EXPRESSIONS.values()), model, inputs)  # at once: they share the forward pass
    heats = {name: heat(one.maps, inputs)[..., 0] for name, one in zip(_EXPRESSIONS, made, strict=True)}
    return heats, {name: one.notes.get("layer") for name, one in zip(_EXPRESSIONS, made, strict=True)}


def _draw(images: Any, heats: dict[str, Any], said: list[str], to: Path) -> None:
    """Draw a row for each picture, and a column for each method."""
    from ..images import visualize

    overlays = [over for i in range(len(images)) for over in (None, *(values[i] for values in heats.values()))]
    columns = ["picture", *_EXPRESSIONS.values()]
    repeated = [image for image in images for _ in columns]
    visualize(repeated, None, overlays, cols=len(columns), column_titles=columns, row_titles=said, to=to)


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _shares(heats: Any, masks: Any) -> Any:
    """The share of each map's heat, [N, H, W], that lies in its mask: [N]."""
    import numpy as np

    total = heats.sum(axis=(1, 2))
    return (heats * masks).sum(axis=(1, 2)) / np.maximum(total, 1e-12)
