"""What it looks like when memory runs out, and how much of it there is."""

import os
import sys

from ..core import tf

_PHRASES = ("out of memory", "oom when allocating", "failed to allocate", "resource exhausted")


def is_exhausted(error: BaseException) -> bool:
    """Whether an error says that memory ran out: nothing else is worth another try with less."""
    if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        return True
    vague = (tf.errors.InternalError, tf.errors.UnknownError)
    return isinstance(error, vague) and any(phrase in str(error).lower() for phrase in _PHRASES)


def available() -> int | None:
    """Give the bytes of main memory that are free, or None where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows, nor everywhere else
        return None


def peak() -> int | None:
    """Give the most bytes in use so far, of the first GPU or else of this process; None where nobody says."""
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        return int(tf.config.experimental.get_memory_info(gpus[0].name.removeprefix("/device:"))["peak"])
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
