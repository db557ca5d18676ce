"""TensorFlow and Keras: what is installed, what runs, and on which devices."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from .children import Outcome, in_child
from .finding import Finding, fine, problem, warning

_NAMES = re.compile(r"(tensorflow|tf-nightly)(-.*)?")
_ANEW = "Make a new environment, and in it: pip install 'xaikit[cpu]', or 'xaikit[gpu]' for NVIDIA devices."
_SECONDS = 120.0  # importing TensorFlow from a slow disk


def installed(found: Iterable[metadata.Distribution] | None = None) -> Iterator[Finding]:
    """Look for distributions of TensorFlow that overwrite each other."""
    owners = owning(metadata.distributions() if found is None else found)
    if len(owners) > 1:
        yield problem("TensorFlow's files", f"{' and '.join(owners)} are installed, and overwrite each other", _ANEW)


def owning(found: Iterable[metadata.Distribution]) -> list[str]:
    """List the distributions that bring TensorFlow's files, such as "tensorflow-cpu 2.21.0"."""
    owners = set()
    for distribution in found:
        name = (distribution.name or "").lower().replace("_", "-")
        files = distribution.read_text("RECORD") if _NAMES.fullmatch(name) else None
        if files is not None and re.search(r"^tensorflow/__init__\.py,", files, re.MULTILINE):
            owners.add(f"{name} {distribution.version}")
    return sorted(owners)


def environment() -> Iterator[Finding]:
    """Import TensorFlow and Keras in a child process, and look at what they find."""
    outcome = in_child("environment", seconds=_SECONDS)
    yield from versions(outcome, owning(metadata.distributions()))
    if outcome.report is not None and "problem" not in outcome.report:
        yield devices(outcome.report, nvidia(), os.environ.get("CUDA_VISIBLE_DEVICES"))


def versions(outcome: Outcome, owners: list[str]) -> Iterator[Finding]:
    """Judge what came of importing TensorFlow and Keras.

    Args:
        outcome: Of the child.
        owners: The distributions that bring TensorFlow's files.
    """
    report = outcome.report
    if report is None:
        yield problem("TensorFlow", f"importing it fails: {outcome.ended}", _ANEW)
        return
    if "problem" in report:  # what is wrong, a colon, what to do
        found, _, advice = report["problem"].rstrip(".").rpartition(": ")
        yield problem("TensorFlow", found, f"{advice[:1].upper()}{advice[1:]}.")
        return
    runs = report["tensorflow"]
    told = [owner.split()[1] for owner in owners]
    if len(told) == 1 and told[0] != runs:
        yield problem("TensorFlow", f"{runs} runs, and {owners[0]} is what is installed: files are mixed", _ANEW)
    else:
        yield fine("TensorFlow", f"{runs}, of {owners[0]}" if len(owners) == 1 else runs)
    yield fine("Keras", f"{report['keras']} on {report['backend']}")


def devices(report: dict[str, Any], nvidia: list[str], visible: str | None) -> Finding:
    """Judge the devices.

    Args:
        report: What TensorFlow says: "gpus", "tpus", and whether it was built for "cuda".
        nvidia: The NVIDIA devices that the system knows.
        visible: CUDA_VISIBLE_DEVICES.
    """
    cores = f"CPU with {os.cpu_count()} cores"
    if report["gpus"]:
        return fine("devices", "; ".join([*(nvidia if len(nvidia) == len(report["gpus"]) else report["gpus"]), cores]))
    if report["tpus"]:
        return fine("devices", f"{report['tpus']} TPU cores; {cores}")
    if not nvidia:
        return fine("devices", cores)
    found = f"{'; '.join(nvidia)}, of which TensorFlow sees none; {cores}"
    if not report["cuda"]:
        return warning("devices", found, f"This TensorFlow is built for CPU. {_ANEW}")
    if visible is not None and visible.strip() in ("", "-1"):
        return warning("devices", found, f"CUDA_VISIBLE_DEVICES={visible} hides them: unset it.")
    return warning("devices", found, "Its CUDA libraries are missing or too new for the driver: " + _ANEW)


def nvidia() -> list[str]:
    """Name the NVIDIA devices of this machine, with their memory where the driver tells it."""
    command = shutil.which("nvidia-smi")
    if command is not None:
        words = [command, "--query-gpu=name,memory.free,memory.total", "--format=csv,noheader,nounits"]
        try:
            told = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True).stdout
            return [_gpu(line) for line in told.splitlines() if line.count(",") == 2]
        except (OSError, subprocess.SubprocessError):
            pass
    return [f"NVIDIA device {path.name.removeprefix('nvidia')}" for path in sorted(Path("/dev").glob("nvidia[0-9]*"))]


def _gpu(line: str) -> str:
    name, *sizes = (part.strip() for part in line.split(","))
    if not all(size.isdigit() for size in sizes):
        return name
    free, total = (int(size) / 1024 for size in sizes)  # MiB
    return f"{name}, {free:.1f} GiB free of {total:.1f} GiB"
