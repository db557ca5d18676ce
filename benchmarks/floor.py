"""`python -m benchmarks.floor`: gradients and Grad-CAM against the smallest TensorFlow program that gives the same.

The floor of a method is one `tf.function` that does just the forward pass and the gradient that it needs, of classes
that are known. Both are called in turn, so that a machine that slows down slows both; the median of the ratios counts.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xaikit import explain

Program = Callable[[], Any]


def floors(model: Any, images: Any, targets: Any) -> dict[str, Program]:
    """The smallest programs, by the name of the method."""
    inputs, classes = tf.constant(images), tf.constant(targets)
    logits = keras.Model(model.inputs, model.layers[-1].output)
    logits.layers[-1].activation = None  # a copy's head alone: the layer is shared, so it is put back below
    features = keras.Model(model.inputs, [model.get_layer("out_relu").output, logits.output])

    @tf.function(autograph=False)
    def gradients(x: Any, y: Any) -> Any:
        score = tf.gather(logits(x, training=False), y, batch_dims=1)
        return score, tf.gradients(score, x)[0]

    @tf.function(autograph=False)
    def gradcam(x: Any, y: Any) -> Any:
        maps, scores = features(x, training=False)
        score = tf.gather(scores, y, batch_dims=1)
        weights = tf.reduce_mean(tf.gradients(score, maps)[0], axis=(1, 2), keepdims=True)
        return score, tf.reduce_sum(weights * maps, axis=-1)

    def ready(program: Any) -> Program:
        concrete = program.get_concrete_function(inputs, classes)
        return lambda: [part.numpy() for part in concrete(tf.constant(images), tf.constant(targets))]

    return {"gradients": ready(gradients), "gradcam": ready(gradcam)}


def settle(model: Any, images: Any) -> None:
    """Give the normalisation layers of an untrained model the statistics of the images: without, gradients vanish."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images, training=True)


def interleaved(first: Program, second: Program, runs: int) -> tuple[list[float], list[float]]:
    """Seconds of each of two programs, called in turn."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for program, taken in zip((first, second), seconds, strict=True):
            start = time.perf_counter()
            program()
            taken.append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(options.side, options.side, 3))
    images = np.random.default_rng(0).uniform(-1, 1, (options.batch, options.side, options.side, 3)).astype("float32")
    settle(model, images)
    head = model.layers[-1].activation
    targets = model.predict(images, verbose=0).argmax(axis=-1).astype("int32")
    rows = []
    try:
        programs = floors(model, images, targets)
    finally:
        model.layers[-1].activation = head
    for name, floor in programs.items():
        start = time.perf_counter()
        explained = explain(name, model, images)
        first_call = time.perf_counter() - start
        scores, maps = floor()
        # the same work, or the ratio means nothing
        np.testing.assert_allclose(explained.scores[:, 0], scores, atol=1e-4)
        np.testing.assert_allclose(explained.maps[..., 0], maps, atol=1e-4 * np.abs(maps).max())
        ours, theirs = interleaved(lambda name=name: explain(name, model, images), floor, options.runs)
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        medians = statistics.median(ours), statistics.median(theirs)
        rows.append({"method": name, "ratio": ratio, "xaikit": medians[0], "floor": medians[1], "first": first_call})
    if options.json:
        print(json.dumps({"batch": options.batch, "side": options.side, "rows": rows}, indent=2))
        return
    print(f"MobileNetV2, {options.side} x {options.side}, batch {options.batch}, {options.runs} runs in turn")
    for row in rows:
        print(
            f"{row['method']:10} {row['ratio']:.3f} of the floor "
            f"({row['xaikit'] * 1e3:.0f} ms against {row['floor'] * 1e3:.0f} ms; first call {row['first']:.1f} s)"
        )


if __name__ == "__main__":
    main()
