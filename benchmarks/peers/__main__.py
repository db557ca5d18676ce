"""`python -m benchmarks.peers`: make an environment for each library, and measure it there."""

import argparse
from pathlib import Path

from .. import machine, report
from .listed import PEERS
from .running import run


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--models", nargs="+", default=["mobilenet_v2", "resnet50_v2"], help="networks")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--limit", type=float, default=4.0)
    parser.add_argument("--envs", type=Path, default=Path(__file__).parents[1] / ".envs", help="where environments are")
    chosen = parser.parse_args()
    rows = run(
        chosen.models, chosen.side, chosen.batches, chosen.runs, chosen.limit, chosen.envs.resolve(), chosen.peers
    )
    print(f"Measured on {machine.in_words(machine.described())}\n\n{report.peers(rows)}")


if __name__ == "__main__":
    main()
