"""`python -m benchmarks.programs`: one forward pass as three programs: as traced, with its weights frozen, under XLA.

Freezing makes constants of the weights, which TensorFlow then folds: normalisations go into convolutions.
"""

import argparse
import os
from typing import Any


def measured(name: str, side: int, sizes: list[int], runs: int) -> list[list[str]]:
    """Give a line of the table for each number of rows: milliseconds, and shares of the time as traced."""
    import numpy as np
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from .networks import pictures, settled
    from .timing import interleaved, median_ms, ratio

    network, images = settled(name, side), pictures(max(sizes), side)

    def forward(x: Any) -> Any:
        return network.logits(x, training=False)

    traced = tf.function(forward, autograph=False)
    plain = traced.get_concrete_function(tf.TensorSpec([None, side, side, 3]))
    frozen = convert_variables_to_constants_v2(plain)
    xla = tf.function(forward, autograph=False, jit_compile=True)
    lines = []
    for size in sizes:
        x = tf.constant(images[:size])
        calls = [lambda: plain(x).numpy(), lambda: frozen(x)[0].numpy(), lambda: xla(x).numpy()]  # noqa: B023
        exact, *others = [call() for call in calls]
        apart = [np.abs(other - exact).max() / np.abs(exact).max() for other in others]
        times = interleaved(calls, runs)
        figures = [f"{ratio(each, times[0]):.2f}, {far:.0e}" for each, far in zip(times[1:], apart, strict=True)]
        lines.append([name, str(size), f"{median_ms(times[0]):.1f}", *figures])
    return lines


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.programs", description=__doc__)
    parser.add_argument("--models", nargs="+", default=["mobilenet_v2", "resnet50_v2"])
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--runs", type=int, default=15)
    chosen = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from . import machine, report
    from .children import in_child

    lines = [line for name in chosen.models for line in in_child(measured, name, chosen.side, chosen.rows, chosen.runs)]
    print(f"Measured on {machine.in_words(machine.described())}\n")
    print("Shares of the time as traced, and how far the logits are apart, as a share of the largest:\n")
    print(report.table(["network", "rows", "as traced, ms", "frozen", "XLA"], lines))


if __name__ == "__main__":
    main()
