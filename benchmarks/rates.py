"""How fast a network is by how many rows it is fed at once: floors of many passes feed the fastest number."""

from collections.abc import Sequence
from typing import TypeAlias

from .floors import FLOORS
from .networks import Network, best_classes, pictures
from .timing import interleaved

SIZES = (1, 4, 8, 16, 32)

Rates: TypeAlias = dict[str, dict[int, float]]


def rates(network: Network, sizes: Sequence[int] = SIZES, runs: int = 5) -> Rates:
    """Rows per second of "forward" passes, and of forward and "backward" ones, by how many are fed at once."""
    images = pictures(max(sizes), network.side)
    classes = best_classes(network, images)
    found: Rates = {}
    for kind, floor in (("forward", "forward"), ("backward", "gradients")):
        program = FLOORS[floor].build(network, 0, 0)
        calls = [lambda n=n, program=program: program(images[:n], classes[:n]) for n in sizes]
        for call in calls:
            call()
        taken = interleaved(calls, runs)
        found[kind] = {n: n / min(each) for n, each in zip(sizes, taken, strict=True)}
    return found


def fastest(speeds: dict[int, float]) -> int:
    """The number of rows at a time that is fastest; of nearly equal ones the largest."""
    best = max(speeds.values())
    return max(size for size, speed in speeds.items() if speed > 0.97 * best)
