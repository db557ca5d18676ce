"""`python -m benchmarks`: every method against its floor; with `--peers` other libraries against theirs too.

It takes about twenty minutes on two cores that nobody else uses, and libraries as long again.
"""

import argparse
import os
from pathlib import Path

from .cases import CASES

RESULTS = Path(__file__).parent / "results"


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--models", nargs="+", default=["mobilenet_v2", "resnet50_v2", "vit"], help="networks")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 32], help="numbers of examples")
    parser.add_argument("--methods", nargs="+", default=list(CASES), choices=list(CASES), metavar="METHOD")
    parser.add_argument("--side", type=int, default=96, help="of the pictures")
    parser.add_argument("--runs", type=int, default=7, help="calls of each program, at most")
    parser.add_argument("--limit", type=float, default=4.0, help="seconds of a method at one batch, after three runs")
    parser.add_argument("--quick", action="store_true", help="small networks, in about two minutes")
    parser.add_argument("--peers", action="store_true", help="measure other libraries too, each in its environment")
    parser.add_argument("--envs", type=Path, default=Path(__file__).parent / ".envs", help="where those are")
    parser.add_argument("--output", type=Path, help="folder to write to; with --quick, nothing is written otherwise")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.models, chosen.batches = ["tiny", "tiny_vit"], [1, 4]
        chosen.side, chosen.runs, chosen.limit = 32, 3, 1.0
    elif chosen.output is None:
        chosen.output = RESULTS
    return chosen


def main() -> None:
    """Measure, write, and print the table."""
    chosen = options()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from . import report
    from .running import run

    found = run(chosen.models, chosen.methods, chosen.side, tuple(chosen.batches), chosen.runs, chosen.limit)
    if chosen.peers:
        from .peers.running import run as run_peers

        found["peers"] = run_peers(
            chosen.models, chosen.side, tuple(chosen.batches), chosen.runs, chosen.limit, chosen.envs
        )
    if chosen.output:
        report.write(found, chosen.output)
    print(report.markdown(found))


if __name__ == "__main__":
    main()
