"""What the figures were measured on: enough to read them, and nothing that names the machine."""

import os
import platform
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("xaikit", "tensorflow-cpu", "tensorflow", "keras", "numpy", "scikit-image")


def described() -> dict[str, Any]:
    """Give the date, the processor, its cores, the memory, the load and the versions."""
    return {
        "date": date.today().isoformat(),
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: found for name in PACKAGES if (found := _version(name))},
    }


def in_words(machine: dict[str, Any]) -> str:
    """Write a description as one sentence."""
    known = {name: machine[name] for name in ("python", *PACKAGES) if name in machine}
    versions = ", ".join(f"{name} {number}" for name, number in known.items())
    memory = f", {machine['memory_gib']:g} GiB of memory" if machine["memory_gib"] else ""
    return (
        f"{machine['date']}: {machine['processor']}, {machine['cores']} cores{memory}, {machine['system']}, a load of "
        f"{machine['load_before']} before it began; {versions}."
    )


def _line(path: str, field: str) -> str:
    if not Path(path).exists():
        return ""
    lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field)), "")


def _memory() -> float | None:
    line = _line("/proc/meminfo", "MemTotal")
    return round(int(line.split()[0]) / 2**20, 1) if line else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
