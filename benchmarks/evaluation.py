"""`python -m benchmarks.evaluation`: how long an evaluation takes, and whether its memory stays what it was.

Embedded pictures, drawn batch by batch while they are evaluated, five explainers, four metrics. A short run first
compiles everything; what the long one adds to the process's peak is what streaming costs.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from xaikit import evaluate
from xaikit.demo import model_path, shapes
from xaikit.models import load

EXPLAINERS = ["gradients", "gradcam", "integrated_gradients(steps=8)", "lrp(rule='epsilon_plus')", "layercam"]
METRICS = ["deletion(steps=10)", "insertion(steps=10)", "relevance_mass", "relevance_rank"]
SIDE, AT_ONCE = 64, 50


def drawn(count: int) -> Iterator[Any]:
    """Draw pictures, some at a time."""
    for start in range(0, count, AT_ONCE):
        yield shapes(min(AT_ONCE, count - start), side=SIDE, seed=start)


def run(model: Any, count: int, progress: bool) -> dict[str, Any]:
    """Evaluate `count` pictures, and say how long it took and how large the process has been."""
    masks = np.concatenate([some.masks for some in drawn(count)])
    pictures = (some.images.astype("float32") for some in drawn(count))
    begun = time.perf_counter()
    found = evaluate(EXPLAINERS, model, pictures, metrics=METRICS, masks=masks, progress=progress)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = {name: cost.seconds for name, cost in found.costs.items()}
    return {"examples": found.examples, "seconds": time.perf_counter() - begun, "peak": peak, "each": seconds}


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model = load(model_path())
    first = run(model, 2 * AT_ONCE, progress=False)
    whole = run(model, options.count, progress=True)
    growth = whole["peak"] - first["peak"]
    if options.json:
        print(json.dumps({"first": first, "whole": whole, "growth": growth}, indent=2))
        return
    print(
        f"{len(EXPLAINERS)} explainers, {len(METRICS)} metrics, {SIDE} x {SIDE}: {first['examples']} pictures in "
        f"{first['seconds']:.0f} s, compiling included; {whole['examples']} in {whole['seconds']:.0f} s"
    )
    for name, seconds in whole["each"].items():
        print(f"  {name:32} {seconds:.0f} s")
    print(f"peak memory {first['peak']:.0f} MiB after the first, {growth:+.0f} MiB after the second")


if __name__ == "__main__":
    main()
