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
    import numpy as np

    from ..api import explain
    from ..demo import CLASSES, model_path, shapes
    from ..images import visualize
    from ..models import load
    from ..showing import heat

    drawn = shapes(count, side=96, seed=seed)
    model = load(model_path())
    inputs = drawn.images.astype("float32")
    outputs = np.asarray(model(inputs, training=False))
    said = [f"{CLASSES[p.argmax()]} {p.max():.0%}" for p in outputs]
    heats: dict[str, Any] = {}
    layers = {}
    for name, expression in _EXPRESSIONS.items():
        say(f"  {expression}")
        explained: Any = explain(expression, model, inputs)
        heats[name] = heat(explained.maps, inputs)[..., 0]  # [N, H, W]
        layers[name] = explained.notes.get("layer")
    cells = [(image, None) for image in drawn.images]
    images = [image for image, _ in cells for _ in range(len(heats) + 1)]
    overlays = [over for i in range(count) for over in (None, *(heats[name][i] for name in heats))]
    visualize(
        images,
        overlays=overlays,
        cols=len(heats) + 1,
        column_titles=["picture", *_EXPRESSIONS.values()],
        row_titles=said,
        to=picture,
    )
    inside = {name: _shares(values, drawn.masks) for name, values in heats.items()}
    rows = [
        {
            "picture": CLASSES[drawn.labels[i]],
            "said": said[i],
            "inside": {name: float(shares[i]) for name, shares in inside.items()},
        }
        for i in range(count)
    ]
    return {
        "expressions": _EXPRESSIONS,
        "layers": layers,
        "rows": rows,
        "mean_inside": {name: float(shares.mean()) for name, shares in inside.items()},
        "mean_area": float(drawn.masks.mean()),
    }


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _shares(heats: Any, masks: Any) -> Any:
    """The share of each map's heat, [N, H, W], that lies in its mask: [N]."""
    import numpy as np

    total = heats.sum(axis=(1, 2))
    return (heats * masks).sum(axis=(1, 2)) / np.maximum(total, 1e-12)
