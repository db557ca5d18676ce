"""The memory of this process, as the system counts it; unknown where it is not Linux."""

from pathlib import Path

_STATUS = Path("/proc/self/status")


def _mib(field: str) -> float | None:
    if not _STATUS.exists():
        return None
    line = next(line for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def resident() -> float | None:
    """MiB that are in memory now."""
    return _mib("VmRSS")


def peak() -> float | None:
    """The most MiB that were in memory at any time since the process began."""
    return _mib("VmHWM")
