"""`python -m benchmarks.startup`: how long commands take that explain nothing, as whole processes."""

import argparse
import os
import statistics
import subprocess
import sys

from . import machine, report
from .timing import interleaved

XAIKIT = [sys.executable, "-m", "xaikit"]
COMMANDS: dict[str, list[str]] = {
    'python -c "pass"': [sys.executable, "-c", "pass"],
    "xaikit --help": [*XAIKIT, "--help"],
    "xaikit list-methods": [*XAIKIT, "list-methods"],
    "xaikit show gradcam": [*XAIKIT, "show", "gradcam"],
    'python -c "import xaikit"': [sys.executable, "-c", "import xaikit"],
}
HEAVY = [sys.executable, "-c", "import tensorflow"]  # what none of them may do


def timed(commands: dict[str, list[str]], runs: int) -> dict[str, float]:
    """The median of each command's seconds, called in turn."""

    def run(command: list[str]) -> None:
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})

    taken = interleaved([lambda command=command: run(command) for command in commands.values()], runs)
    return {name: statistics.median(each) for name, each in zip(commands, taken, strict=True)}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    chosen = parser.parse_args()
    found = timed(COMMANDS, chosen.runs)
    found.update(timed({'python -c "import tensorflow"': HEAVY}, max(1, chosen.runs // 5)))
    least = found['python -c "pass"']
    lines = [[f"`{name}`", f"{s * 1e3:.0f}", f"{(s - least) * 1e3:.0f}"] for name, s in found.items()]
    print(f"Measured on {machine.in_words(machine.described())}\n")
    print(report.table(["command", "ms", "ms beyond Python's own"], lines))


if __name__ == "__main__":
    main()
