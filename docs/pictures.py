"""Make the pictures of the pages on the families of methods, from the embedded model and its pictures.

Run as `python docs/pictures.py` for all of them, or with names: `python docs/pictures.py perturbation`. Each picture is
the same each time: the model, the pictures and every draw are fixed. Attention has no place in the embedded model: its
page shows a small vision transformer that is trained here on scikit-learn's digits, in about a minute.
"""

import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent / "pictures"
WIDTH = 1200  # pixels, at most
SIDE = 96
SHOWN = (0, 2, 5)  # of the embedded pictures: a plain one, one with distractors, a difficult one

# The expressions of each picture, as they stand on the pages.
FAMILIES: dict[str, list[str]] = {
    "gradients-and-paths": [
        "gradients",
        "input_x_gradient",
        "integrated_gradients",
        "guided_integrated_gradients",
        "blur_integrated_gradients",
        'expected_gradients(baseline="uniform")',
        "full_gradients",
    ],
    "backward-rules": [
        "gradients",
        "guided_backprop",
        "deconvnet",
        "lrp",
        'lrp(rule="epsilon_plus")',
        'lrp(rule="epsilon_gamma_box")',
        "deeplift",
    ],
    "class-activation-maps": [
        "cam",
        "gradcam",
        "gradcampp",
        "xgradcam",
        "hirescam",
        "layercam",
        "scorecam",
        "ablationcam",
        "eigencam",
    ],
    "perturbation": [
        "occlusion",
        "rise(samples=2000)",
        "lime(samples=500)",
        "kernel_shap(samples=500)",
        "sobol",
        "hsic",
    ],
    "transformers": [
        "gradients",
        "smooth(gradients, noise=20)",
        'smooth(gradients, noise=20, reduce="variance")',
        "gradcam",
        "tta(normalize(positive(gradcam)))",
        "multiply(positive(gradcam), guided_backprop)",
        "average(positive(gradcam), positive(cam))",
    ],
    "randomized": [
        "gradcam",
        "randomized(gradcam)",
        "gradients",
        "randomized(gradients)",
        "guided_backprop",
        "randomized(guided_backprop)",
    ],
}


def made(name: str, expressions: list[str]) -> None:
    """Explain some embedded pictures with each expression, and set the heat side by side."""
    from xaikit.demo import CLASSES, model_path, shapes
    from xaikit.models import load

    drawn = shapes(6, side=SIDE)
    pictures = drawn.images[list(SHOWN)]
    model = load(model_path())
    said = [CLASSES[best] for best in np.asarray(model(pictures.astype("float32"), training=False)).argmax(axis=1)]
    grid(name, model, pictures, pictures.astype("float32"), said, expressions)


def grid(name: str, model: Any, pictures: Any, inputs: Any, said: list[str], expressions: list[str]) -> None:
    """Draw a row for each picture, and a column for each expression."""
    from xaikit import explain, visualize
    from xaikit.showing import heat

    heats = [None, *(heat(explain(text, model, inputs).maps, inputs)[..., 0] for text in expressions)]
    columns = ["", *map(wrapped, expressions)]
    overlays = [None if values is None else values[i] for i in range(len(pictures)) for values in heats]
    buffer = io.BytesIO()
    visualize(
        [picture for picture in pictures for _ in columns],
        None,
        overlays,
        cols=len(columns),
        column_titles=columns,
        row_titles=said,
        to=buffer,
    )
    saved(buffer, FOLDER / f"{name}.jpg")


def wrapped(expression: str) -> str:
    """Break a long expression where its parts begin."""
    return expression if len(expression) < 22 else expression.replace("(", "(\n", 1).replace(", ", ",\n")


def saved(buffer: io.BytesIO, path: Path) -> None:
    """Write a picture as a JPEG of a moderate size."""
    image = Image.open(buffer).convert("RGB")
    image.thumbnail((WIDTH, WIDTH * 4), Image.Resampling.LANCZOS)
    image.save(path, quality=82, optimize=True)
    print(f"{path}  {path.stat().st_size // 1024} kB", file=sys.stderr)


def main(names: Iterable[str]) -> None:
    """Make the pictures of some families, or of all."""
    chosen = list(names) or [*FAMILIES]
    for name in chosen:
        if name not in FAMILIES:
            sys.exit(f"There is no picture {name!r}: choose from {', '.join(FAMILIES)}.")
        made(name, FAMILIES[name])


if __name__ == "__main__":
    main(sys.argv[1:])
