"""The computer: Python and memory."""

import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

from .finding import Finding, fine, warning

_GIB = 2**30
_LITTLE = 2 * _GIB  # TensorFlow and a small model take about one


def machine() -> Iterator[Finding]:
    """Look at Python and at the memory."""
    yield fine("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield memory(*_memory())


def memory(free: int | None, total: int | None) -> Finding:
    """Judge bytes of memory, free and in all, as far as they are known."""
    if free is None or total is None:
        return fine("memory", "unknown here" if total is None else f"{total / _GIB:.1f} GiB")
    found = f"{free / _GIB:.1f} GiB free of {total / _GIB:.1f} GiB"
    if free < _LITTLE:
        return warning("memory", found, "Close other programs, or explain with a small batch_size.")
    return fine("memory", found)


def _memory() -> tuple[int | None, int | None]:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None, _installed()
    sizes = {name: 1024 * int(size) for name, size in re.findall(r"(\w+):\s+(\d+) kB", lines)}
    total, free = sizes.get("MemTotal"), sizes.get("MemAvailable")
    limit = _number("/sys/fs/cgroup/memory.max")
    if limit is None or total is None or free is None:
        return free, total
    used = _number("/sys/fs/cgroup/memory.current") or 0
    return min(free, max(0, limit - used)), min(total, limit)


def _installed() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _number(path: str) -> int | None:
    """Read a number that a container's limits are kept in; "max" is no limit."""
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
