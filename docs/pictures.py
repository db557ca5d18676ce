"""Make the pictures of the docs: of the families of methods, from the embedded model and its pictures, and of others.

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
        "occlusion(baseline=127)",
        'normalize(rise(samples=2000, baseline="mean"))',
        'lime(samples=500, baseline="mean")',
        'kernel_shap(samples=500, baseline="mean")',
        'sobol(baseline="mean")',
        'hsic(baseline="mean")',
    ],
    "attention": [
        "attention_rollout",
        "attention_relevance",
        "gradcam",
        'lrp(rule="attention")',
        "integrated_gradients",
        "occlusion(patch=2)",
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


def attention(name: str, expressions: list[str]) -> None:
    """Train a small vision transformer on digits, 16 patches and a class token, and explain a digit of each kind."""
    import keras
    from sklearn.datasets import load_digits

    class ClassToken(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.token = self.add_weight(shape=(1, 1, shape[-1]), name="token")
            self.places = self.add_weight(shape=(1, shape[1] + 1, shape[-1]), name="places")

        def call(self, patches: Any) -> Any:
            token = keras.ops.repeat(self.token, keras.ops.shape(patches)[0], axis=0)
            return keras.ops.concatenate([token, patches], axis=1) + self.places

    keras.utils.set_random_seed(0)
    digits = load_digits()
    inputs = keras.Input((8, 8, 1))
    tokens = keras.layers.Reshape((16, 32))(keras.layers.Conv2D(32, 2, strides=2)(inputs))
    tokens = ClassToken()(tokens)
    for _ in range(2):
        normed = keras.layers.LayerNormalization()(tokens)
        tokens = keras.layers.Add()([tokens, keras.layers.MultiHeadAttention(4, 8)(normed, normed)])
        wide = keras.layers.Dense(64, activation="gelu")(keras.layers.LayerNormalization()(tokens))
        tokens = keras.layers.Add()([tokens, keras.layers.Dense(32)(wide)])
    first = keras.layers.LayerNormalization()(tokens)[:, 0]
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(first))
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    pictures = (digits.images[..., None] / 16).astype("float32")
    model.fit(pictures, digits.target, batch_size=64, epochs=15, verbose=0)
    chosen = [int(np.flatnonzero(digits.target == number)[1]) for number in (0, 3, 7)]
    said = [str(best) for best in model.predict(pictures[chosen], verbose=0).argmax(axis=1)]
    large = [np.kron(pictures[i, ..., 0], np.ones((12, 12))) for i in chosen]
    grid(name, model, large, pictures[chosen], said, expressions)


def flipping(name: str) -> None:
    """Train a network with dropout on digits, and flip pixels by the quantiles of its gradients under dropout."""
    import keras
    from sklearn.datasets import load_digits

    from xaikit.evaluation.flipping import flipping_curves

    keras.utils.set_random_seed(0)
    digits = load_digits()
    pictures = (digits.images[..., None] / 16).astype("float32")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.SpatialDropout2D(0.2),
            layers.Conv2D(32, 3, padding="same", strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    model.fit(pictures[:1400], digits.target[:1400], batch_size=64, epochs=10, verbose=0)
    found = flipping_curves(
        "input_x_gradient", model, pictures[1400:], digits.target[1400:], percent=0.5, reference=pictures
    )
    buffer = io.BytesIO()
    found.plot(to=buffer)
    saved(buffer, FOLDER / f"{name}.jpg")


# Pictures of other pages, each by a function of its own.
OTHERS = {"flip-pixels": flipping}


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
    """Make some of the pictures, or all."""
    for name in list(names) or [*FAMILIES, *OTHERS]:
        if name in OTHERS:
            OTHERS[name](name)
            continue
        if name not in FAMILIES:
            sys.exit(f"There is no picture {name!r}: choose from {', '.join([*FAMILIES, *OTHERS])}.")
        draw = attention if name == "attention" else made
        draw(name, FAMILIES[name])


if __name__ == "__main__":
    main(sys.argv[1:])
