"""How the embedded model was made: ``python -m xaikit.demo.train`` trains it anew and writes its card.

The model is deliberately ordinary: pictures of any size, rescaling inside the model, and a backbone nested as a
model of its own. That is what explainability tools meet in practice, and what they tend to stumble over.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from . import CLASSES, Pictures, model_path, shapes
from .card import Figures, card

SEED = 20_240
"""Seed of everything that is random in training; its pictures come from the seeds ``SEED + side`` alone."""

# More of the middle sizes: small pictures are cheap but hard, large ones easy but slow.
TRAINED = {32: 3000, 48: 3600, 64: 4200, 96: 2400, 128: 600}
HELD_OUT = {32: 600, 48: 600, 64: 1200, 96: 600, 128: 300}
HELD_OUT_SEED = 0
LEARNING, SETTLING = 12, 4
"""Epochs before and after the statistics of the normalisations are frozen."""
BATCH, RATE, DECAY, SPARSITY = 32, 4e-3, 2e-3, 0.05
# Filters, kernel and stride of each block: a stride of 8 and a receptive field of 40 pixels in all. A wider field
# would have features fire further from the shape. Kernels are even where the stride is: padding is then alike on
# both sides, and each feature lies at the middle of the 8 x 8 pixels that it stands for.
BLOCKS = ((12, 3, 1), (24, 4, 2), (48, 4, 2), (56, 4, 2), (56, 3, 1), (56, 1, 1))


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of one size each, in an order and a mirroring that change with every epoch."""

    def __init__(self, sets: list[Pictures]) -> None:
        super().__init__()
        self._sets, self._rng = sets, np.random.default_rng(SEED)
        self._order: list[tuple[int, NDArray[np.int64]]] = []
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        which, rows = self._order[index]
        images = self._sets[which].images[rows]
        # Mirrored and turned by right angles a shape stays what it is: eight pictures for one.
        images = np.rot90(images, int(self._rng.integers(4)), axes=(1, 2))
        images = images[:, :, ::-1] if self._rng.integers(2) else images
        return np.ascontiguousarray(images), self._sets[which].labels[rows]

    def on_epoch_end(self) -> None:
        """Deal the pictures into batches anew."""
        self._order = []
        for which, pictures in enumerate(self._sets):
            rows = self._rng.permutation(len(pictures.labels))
            self._order += [(which, rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)]
        self._rng.shuffle(self._order)


def backbone() -> Any:
    """Convolutional blocks: pictures [N, H, W, 3] in -1..1 to features [N, H/8, W/8, 56] of 0 or more."""
    picture = features = keras.Input((None, None, 3), name="rescaled")
    for number, (filters, kernel, stride) in enumerate(BLOCKS, start=1):
        convolution = keras.layers.Conv2D(
            filters, kernel, stride, padding="same", use_bias=False, name=f"block{number}_conv"
        )
        norm = keras.layers.BatchNormalization(momentum=0.98, name=f"block{number}_norm")
        features = keras.layers.ReLU(name=f"block{number}_relu")(norm(convolution(features)))
    return keras.Model(picture, features, name="backbone")


def build() -> Any:
    """The untrained model: pictures [N, H, W, 3] in 0..255 to probabilities [N, len(CLASSES)]."""
    picture = keras.Input((None, None, 3), name="picture")
    features = backbone()(keras.layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(picture))
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(features)
    scores = keras.layers.Dense(len(CLASSES), activation="softmax", name="class")(pooled)
    return keras.Model(picture, scores, name="shapes")


def train(sets: list[Pictures]) -> Any:
    """Build a model and fit it to ``sets`` of pictures, one set per size."""
    keras.utils.set_random_seed(SEED)
    model, batches = build(), Batches(sets)
    # Features that are dear are spent on the shape, not on the background.
    model.get_layer("pool").activity_regularizer = _mean_activity
    _fit(model, batches, LEARNING, RATE, RATE / 10)
    # Statistics differ from size to size: the model has to do with one set of them for all before it is done.
    for layer in model.get_layer("backbone").layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    _fit(model, batches, SETTLING, RATE / 10, 0.0)
    return model


def _mean_activity(features: Any) -> Any:
    # Keras itself divides a layer's penalty by the number of pictures.
    return SPARSITY * keras.ops.sum(keras.ops.mean(features, axis=1))


def _fit(model: Any, batches: Batches, epochs: int, first: float, last: float) -> None:
    steps = len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        first / 10, (epochs - 1) * steps, alpha=last / first, warmup_target=first, warmup_steps=steps
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=DECAY)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(batches, epochs=epochs, verbose=2)


def accuracy(model: Any, pictures: Pictures) -> float:
    """Share, 0..1, of ``pictures`` whose class the model names."""
    scores = model.predict(pictures.images, batch_size=100, verbose=0)
    return float((scores.argmax(axis=1) == pictures.labels).mean())


def save(model: Any, path: Path) -> None:
    """Write ``model`` to ``path`` without the state of its training."""
    bare = build()
    bare.set_weights(model.get_weights())
    bare.save(path)


def main() -> None:
    """Train the embedded model, measure it on pictures that it never saw, and write both it and its card."""
    start = time.perf_counter()
    model = train([shapes(count, side=side, seed=SEED + side) for side, count in TRAINED.items()])
    minutes = (time.perf_counter() - start) / 60
    save(model, model_path())
    saved = keras.saving.load_model(model_path())
    held_out = {side: shapes(count, side=side, seed=HELD_OUT_SEED) for side, count in HELD_OUT.items()}
    figures = Figures(
        accuracies={side: accuracy(saved, pictures) for side, pictures in held_out.items()},
        held_out=HELD_OUT,
        held_out_seed=HELD_OUT_SEED,
        trained=TRAINED,
        epochs=LEARNING + SETTLING,
        seed=SEED,
        minutes=minutes,
        parameters=saved.count_params(),
        kilobytes=model_path().stat().st_size / 1000,
    )
    model_path().with_name("CARD.md").write_text(card(figures), encoding="utf-8")
    print(figures)


if __name__ == "__main__":
    main()
