"""Time, by the clock on the wall, of programs that are called in turn: what slows the machine down slows them all."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

Call = Callable[[], Any]


def seconds(call: Call) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(calls: Sequence[Call], runs: int, limit: float = float("inf"), least: int = 3) -> list[list[float]]:
    """Seconds of each of some programs, called in turn, in alternating order.

    Args:
        calls: The programs, which have been called before.
        runs: How often each of them is called.
        limit: Seconds after which no other round is begun, once there are `least`.
        least: Rounds that are made anyway, at most `runs`.
    """
    taken: list[list[float]] = [[] for _ in calls]
    begun = time.perf_counter()
    for run in range(runs):
        if run >= least and time.perf_counter() - begun > limit:
            break
        order = range(len(calls)) if run % 2 == 0 else reversed(range(len(calls)))
        for i in order:
            taken[i].append(seconds(calls[i]))
    return taken


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of pairs that were measured one after the other."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def median_ms(taken: Sequence[float]) -> float:
    """The median, in milliseconds."""
    return statistics.median(taken) * 1e3
