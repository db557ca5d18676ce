"""`python -m benchmarks.overhead`: what a call of `explain` costs beyond its floor, on a network that costs nothing."""

import argparse
import cProfile
import os
import pstats
import statistics
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGES = ("xaikit", "tensorflow", "keras", "numpy")


def measured(runs: int) -> dict[str, Any]:
    """Milliseconds of `explain(gradients)` on one picture, of its floor, and where those of `explain` are spent."""
    from xaikit import explain

    from .floors import FLOORS
    from .networks import best_classes, pictures, settled
    from .timing import interleaved, median_ms

    network = settled("tiny", 32)
    images = pictures(1, 32)
    classes = best_classes(network, images)
    floor = FLOORS["gradients"].build(network, 0, 0)
    calls: list[Callable[[], Any]] = [
        lambda: explain("gradients", network.model, images),
        lambda: floor(images, classes),
    ]
    for call in calls:
        call()
        call()
    ours, theirs = interleaved(calls, runs)
    beyond = statistics.median(a - b for a, b in zip(ours, theirs, strict=True)) * 1e3
    return {
        "xaikit_ms": median_ms(ours),
        "floor_ms": median_ms(theirs),
        "beyond_ms": beyond,
        "tables": profiled(calls[0], runs),
    }


def profiled(call: Callable[[], Any], runs: int) -> dict[str, dict[str, float]]:
    """Milliseconds of a call, with the profiler's own: by package, by xaikit's functions with what they call, and by
    all functions without.
    """
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(runs):
        call()
    profiler.disable()
    packages, within, own = Counter[str](), Counter[str](), Counter[str]()
    for (file, _, name), (_, _, seconds, cumulative, _) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        path = Path(file)
        package = next((package for package in PACKAGES if f"/{package}/" in path.as_posix()), "the rest")
        packages[package] += seconds * 1e3 / runs
        own[f"{package}: {name}"] += seconds * 1e3 / runs
        if package == "xaikit":
            within[f"{path.parent.name}/{path.stem}: {name}"] += cumulative * 1e3 / runs
    return {
        "own time by package": dict(packages.most_common()),
        "time of xaikit's functions, with what they call": dict(within.most_common(30)),
        "own time of functions": dict(own.most_common(15)),
    }


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    chosen = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from . import machine, report

    found = measured(chosen.runs)
    print(f"Measured on {machine.in_words(machine.described())}\n")
    print(
        f"`explain(gradients)` on one picture: {found['xaikit_ms']:.2f} ms; its floor: {found['floor_ms']:.2f} ms; "
        f"the difference: {found['beyond_ms']:.2f} ms.\n"
    )
    for what, times in found["tables"].items():
        lines = [[f"`{name}`", f"{ms:.3f}"] for name, ms in times.items()]
        print(report.table([f"{what}, under Python's profiler", "ms"], lines) + "\n")


if __name__ == "__main__":
    main()
