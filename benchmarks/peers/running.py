"""Every library on every network, in a child process of its own environment."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..running import KINDS, say
from .environments import CannotInstall, environment
from .listed import PEERS

ROOT = Path(__file__).parents[2]

Row = dict[str, Any]


def run(
    networks: Sequence[str],
    side: int,
    batches: Sequence[int],
    runs: int,
    limit: float,
    folder: Path,
    peers: Sequence[str] = tuple(PEERS),
) -> list[Row]:
    """Measure; a library that cannot be installed, or fails, is a row that says so."""
    rows: list[Row] = []
    for peer in peers:
        say(f"{peer}: environment")
        try:
            python = environment(peer, folder)
        except CannotInstall as error:
            rows.append({"peer": peer, "failed": f"not installed: {error}"})
            continue
        for network in networks:
            if KINDS[network] == "images":
                say(f"{peer}: {network}")
                rows += _in_its_own(python, peer, network, side, batches, runs, limit)
    return rows


def _in_its_own(
    python: Path, peer: str, network: str, side: int, batches: Sequence[int], runs: int, limit: float
) -> list[Row]:
    command = [str(python), "-m", "benchmarks.peers.child", peer, network]
    command += [f"--side={side}", f"--runs={runs}", f"--limit={limit}", "--batches", *map(str, batches)]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"peer"')]
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        rows.append({"peer": peer, "network": network, "failed": last})
    return rows
