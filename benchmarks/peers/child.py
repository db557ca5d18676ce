"""`python -m benchmarks.peers.child PEER NETWORK`: what runs in a library's environment; it prints a row a line."""

import argparse
import json
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..cases import CASES
from ..timing import interleaved, median_ms, ratio


def main() -> None:
    """Measure every method that the library has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer")
    parser.add_argument("network")
    parser.add_argument("--side", type=int, required=True)
    parser.add_argument("--batches", type=int, nargs="+", required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--limit", type=float, required=True)
    chosen = parser.parse_args()
    module = import_module(f".{chosen.peer}", __package__)
    ground = module.Ground(chosen.network, chosen.side, max(chosen.batches))
    for method, make in module.METHODS.items():
        start = {"peer": chosen.peer, "network": chosen.network, "method": method}
        try:
            for row in measured(method, make, ground, chosen):
                print(json.dumps({**start, **row}), flush=True)
        except Exception as error:  # whatever a library does, the next method is measured
            lines = str(error).strip().splitlines() or [""]
            print(json.dumps({**start, "failed": f"{type(error).__name__}: {lines[0][:200]}"}), flush=True)


def measured(method: str, make: Callable[..., Any], ground: Any, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure a method: a row for each batch."""
    case, (x, y) = CASES[method], ground.batch(1)
    begun = time.perf_counter()
    call = make(ground)
    call(x, y)
    first = time.perf_counter() - begun
    begun = time.perf_counter()
    floor = ground.floor(case.floor, case.copies)
    floor(x, y)
    floor_first = time.perf_counter() - begun
    rows = []
    for batch in chosen.batches:
        x, y = ground.batch(batch)
        calls: list[Callable[[], Any]] = [lambda x=x, y=y: call(x, y), lambda x=x, y=y: floor(x, y)]  # type: ignore[misc]
        for each in calls:
            each()
        ours, theirs = interleaved(calls, chosen.runs, chosen.limit)
        figures = {"batch": batch, "ratio": ratio(ours, theirs), "peer_ms": median_ms(ours), "runs": len(ours)}
        rows.append({**figures, "floor_ms": median_ms(theirs), "first_s": first, "floor_first_s": floor_first})
    return rows


if __name__ == "__main__":
    main()
