"""`python -m benchmarks.memory`: does the peak of memory grow with the number of examples, targets or masks?

Each case runs in a process of its own, since a peak never goes down again. The figures are MiB over the memory in use
before the case began, TensorFlow and the compiled step included, so what counts is whether the rows are alike.
"""

import argparse
import json
import subprocess
import sys

CASES = {
    "64 pictures by stream": ("gradients", 64, 1),
    "2048 pictures by stream": ("gradients", 2048, 1),
    "10 targets": ("gradcam", 4, 10),
    "1000 targets": ("gradcam", 4, 1000),
    "100 masks": ("rise(samples=100)", 4, 1),
    "4000 masks": ("rise(samples=4000)", 4, 1),
    "20 noisy copies": ("smooth(gradients, repetitions=20)", 4, 1),
    "1000 noisy copies": ("smooth(gradients, repetitions=1000)", 4, 1),
}


def case(expression: str, examples: int, targets: int) -> float:
    """Explain, and give the growth of the peak in MiB."""
    import keras
    import numpy as np

    from xaikit import stream
    from xaikit.engine.memory import peak

    keras.utils.set_random_seed(0)
    inputs = keras.Input((64, 64, 3))
    hidden = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(inputs)
    hidden = keras.layers.Conv2D(32, 3, strides=2, activation="relu")(hidden)
    outputs = keras.layers.Dense(max(targets, 2))(keras.layers.GlobalAveragePooling2D()(hidden))
    model = keras.Model(inputs, outputs)
    draws = np.random.default_rng(0)
    pictures = (draws.normal(size=(min(8, examples - i), 64, 64, 3)).astype("float32") for i in range(0, examples, 8))
    before = peak() or 0
    wanted = [list(range(targets))] * examples
    for part in stream(expression, model, pictures, wanted, batch_size=8, progress=False):
        del part
    return ((peak() or 0) - before) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--case", help="run one case in this process, and print its figure")
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(case(*CASES[asked.case])))
        return
    for name in CASES:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", "--case", name], capture_output=True, text=True, check=True
        )
        print(f"{name:28}{float(done.stdout.splitlines()[-1]):8.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
