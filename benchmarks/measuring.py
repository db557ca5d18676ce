"""One method measured against its floor, in this process."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from xaikit import explain, find
from xaikit.engine import compiled

from .cases import CASES, text_of
from .executed import executed, passes
from .floors import FLOORS, Program
from .networks import Network, best_classes, pictures, settled
from .rates import Rates, rates
from .resident import peak, resident
from .timing import interleaved, median_ms, ratio, seconds

BUDGET = 32  # explain's own default


class Plan(NamedTuple):
    """How to measure.

    Attributes:
        side: Of the pictures.
        batches: Numbers of examples.
        runs: How often both are called, at most.
        limit: Seconds of a method at one batch, after three rounds.
        rows: The most rows at a time of a floor, by network and by "forward" or "backward".
    """

    side: int
    batches: tuple[int, ...]
    runs: int
    limit: float
    rows: dict[tuple[str, str], int]


def measured(name: str, where: str, plan: Plan) -> list[dict[str, Any]]:
    """Measure a method on a network: a row for each batch."""
    case, network = CASES[name], settled(where, plan.side)
    images = pictures(max(plan.batches), plan.side)
    classes = best_classes(network, images)
    text, before = text_of(name, plan.side), resident()
    find(text)  # what plugins there are is found out once in a process
    first = seconds(lambda: explain(text, network.model, images[:1]))
    explain(text, network.model, images)
    used = _over(before)
    floor = FLOORS[case.floor].build(network, case.copies, rows_of(case.floor, where, plan))
    floor(images[:1], classes[:1])
    rows = []
    for batch in plan.batches:
        x, y = images[:batch], classes[:batch]
        ours, theirs = paired(text, network, floor, x, y, plan)
        rows.append(
            {
                "method": name,
                "network": where,
                "batch": batch,
                "ratio": ratio(ours, theirs),
                "xaikit_ms": median_ms(ours),
                "floor_ms": median_ms(theirs),
                "runs": len(ours),
                "floor": case.floor,
                "explainer": text,
                "first_s": first,
                "peak_mib": used,
                "traces": traces_of(network.model),
            }
        )
    return rows


def paired(
    text: str, network: Network, floor: Program, x: np.ndarray, y: np.ndarray, plan: Plan
) -> tuple[list[float], list[float]]:
    """Seconds of a method and of its floor on a batch, in turn."""
    calls: list[Callable[[], Any]] = [
        lambda: explain(text, network.model, x, batch_size=BUDGET),
        lambda: floor(x, y),
    ]
    # what a new number of rows makes TensorFlow prepare; the largest batch has been explained before
    for call in calls[len(x) == max(plan.batches) :]:
        call()
    ours, theirs = interleaved(calls, plan.runs, plan.limit)
    return ours, theirs


def rows_of(floor: str, where: str, plan: Plan) -> int:
    """The most rows at a time of a floor."""
    return plan.rows.get((where, "backward" if floor in ("slopes", "integrated_gradients") else "forward"), BUDGET)


def traces_of(model: keras.Model) -> int:
    """How many programs the engine has compiled for a model."""
    return len(compiled._cache.get(model, ()))


def floor_alone(name: str, where: str, plan: Plan) -> dict[str, float | None]:
    """Measure what a floor takes in a process of its own: seconds of the first call, tracing included, and memory.

    Memory is MiB at the peak, over what there was before it was traced.
    """
    network = settled(where, plan.side)
    images = pictures(max(plan.batches), plan.side)
    classes = best_classes(network, images)
    before = resident()
    case = next(case for case in CASES.values() if case.floor == name)
    begun = time.perf_counter()
    floor = FLOORS[name].build(network, case.copies, rows_of(name, where, plan))
    floor(images[:1], classes[:1])
    first = time.perf_counter() - begun
    floor(images, classes)
    return {"first_s": first, "peak_mib": _over(before)}


def _over(before: float | None) -> float | None:
    return None if before is None else max(0.0, (peak() or 0.0) - before)


def rates_of(where: str, side: int) -> Rates:
    """Rows per second of a network."""
    return rates(settled(where, side))


COUNTED = {"images": ("tiny", 32, 2), "tokens": ("tiny_vit", 32, 1)}  # network, side and convolutions


def counted(name: str) -> dict[str, float]:
    """Count the passes of a method and of its floor for each example, forward and backward, by what was executed.

    A budget of the batch's own rows makes each copy a pass of its own. The network is a small one: its size does not
    change the numbers. A pass through the head alone is none; a pass is as much as its convolutions.
    """
    case = CASES[name]
    where, side, convolutions = COUNTED[case.network]
    network = settled(where, side)
    images = pictures(2, side)
    classes = best_classes(network, images)
    text = text_of(name, side)
    floor = FLOORS[case.floor].build(network, case.copies, len(images))
    found: dict[str, float] = {}
    calls = {
        "xaikit": lambda: explain(text, network.model, images, batch_size=2),
        "floor": lambda: floor(images, classes),
    }
    for who, call in calls.items():
        call()
        found[f"{who}_forward"], found[f"{who}_backward"] = passes(executed(call), convolutions)
    return found
