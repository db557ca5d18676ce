"""`python -m benchmarks.replicas`: two replicas' work per second against one's, on logical CPUs.

Logical CPUs share the cores of one machine. What this shows is what a strategy costs, and whether two replicas fill
cores that one leaves idle; it says nothing about two devices.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any


def split_and_measured(*arguments: Any) -> dict[str, float]:
    """Split the CPU in two, which can be done before TensorFlow runs alone, and measure."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    return measured(*arguments)


def measured(method: str, network: str, side: int, rows: int, runs: int) -> dict[str, float]:
    """Rows per second of one replica and of two, of `rows` rows each at a time, on a CPU that is split in two."""
    import tensorflow as tf

    from xaikit import explain

    from .networks import pictures, settled
    from .timing import interleaved, ratio

    alone = settled(network, side).model
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        spread = settled(network, side).model
    images = pictures(4 * rows, side)
    calls: list[Callable[[], Any]] = [
        lambda model=model: explain(method, model, images, batch_size=rows)  # type: ignore[misc]
        for model in (alone, spread)
    ]
    for call in calls:
        call()
    one, two = interleaved(calls, runs)
    return {"one": len(images) / min(one), "two": len(images) / min(two), "speedup": ratio(one, two)}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replicas", description=__doc__)
    parser.add_argument("--methods", nargs="+", default=["gradients", "gradcam"])
    parser.add_argument("--model", default="mobilenet_v2")
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 8, 32], help="a replica's batch_size")
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from . import machine, report
    from .children import in_child

    lines = []
    for method in chosen.methods:
        for rows in chosen.rows:
            found = in_child(split_and_measured, method, chosen.model, chosen.side, rows, chosen.runs)
            speeds = [f"{found['one']:.0f}", f"{found['two']:.0f}", f"{found['speedup']:.2f}"]
            lines.append([f"`{method}`", str(rows), *speeds])
    print(f"Measured on {machine.in_words(machine.described())}\n")
    print(f"{chosen.model}, on two logical CPUs that share the cores:\n")
    print(report.table(["method", "rows at a time", "one replica, rows/s", "two, rows/s", "two over one"], lines))


if __name__ == "__main__":
    main()
