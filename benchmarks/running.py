"""The whole run: every method on every network, each in a child process of its own."""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import machine
from .cases import CASES
from .children import in_child

KINDS = {"mobilenet_v2": "images", "resnet50_v2": "images", "vit": "tokens", "tiny": "images", "tiny_vit": "tokens"}

Row = dict[str, Any]


def run(
    networks: Sequence[str], methods: Sequence[str], side: int, batches: tuple[int, ...], runs: int, limit: float
) -> dict[str, Any]:
    """Measure, and give all that was found, to be written as JSON."""
    from .measuring import Plan, rates_of
    from .rates import fastest

    found: dict[str, Any] = {
        "machine": machine.described(),
        "options": {"side": side, "batches": list(batches), "runs": runs, "limit_s": limit},
        "rates": {},
        "rows": [],
        "counts": {},
        "floors": [],
    }
    rows: dict[tuple[str, str], int] = {}
    for network in networks:
        say(f"{network}: rows per second")
        found["rates"][network] = in_child(rates_of, network, side)
        for kind, speeds in found["rates"][network].items():
            rows[network, kind] = fastest(speeds)
    plan = Plan(side, batches, runs, limit, rows)
    alone: dict[tuple[str, str], Row] = {}
    for network, method in pairs(networks, methods):
        found["rows"] += rows_or_failure(method, network, plan)
        key = network, CASES[method].floor
        if key not in alone:  # at once, since a machine may be faster an hour later
            alone[key] = floor_row(*key, plan)
    found["counts"] = counts([method for method in methods if method in {row["method"] for row in found["rows"]}])
    found["floors"] = list(alone.values())
    return found


def pairs(networks: Sequence[str], methods: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Networks with the methods that are for them."""
    for network in networks:
        for method in methods:
            if CASES[method].network == KINDS[network]:
                yield network, method


def rows_or_failure(method: str, network: str, plan: Any) -> list[Row]:
    """Measure one method in a child; what goes wrong is a row too."""
    from .measuring import measured

    made = attempted(lambda: in_child(measured, method, network, plan))
    if isinstance(made, str):
        say(f"{network} {method}: {made}")
        return [{"method": method, "network": network, "failed": made}]
    say(f"{network} {method}: " + ", ".join(f"{row['ratio']:.2f} at {row['batch']}" for row in made))
    return list(made)


def counts(methods: Sequence[str]) -> dict[str, Any]:
    """Count passes, all in one child."""
    say("counting passes")
    made = attempted(lambda: in_child(all_counted, list(methods)))
    return {} if isinstance(made, str) else dict(made)


def all_counted(methods: Sequence[str]) -> dict[str, Any]:
    """Count the passes of some methods; those that fail are left out."""
    from .measuring import counted

    made = {method: attempted(lambda method=method: counted(method)) for method in methods}
    return {method: found for method, found in made.items() if not isinstance(found, str)}


def floor_row(network: str, name: str, plan: Any) -> Row:
    """Measure the first call and the memory of a floor, in a child of its own as the methods are."""
    from .measuring import floor_alone

    say(f"{network} floor {name}: first call and memory")
    found = attempted(lambda: in_child(floor_alone, name, network, plan))
    return {"floor": name, "network": network, **({} if isinstance(found, str) else found)}


def attempted(work: Callable[[], Any]) -> Any:
    """Give what some work returns, or the text of the error that it ends in."""
    try:
        return work()
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)
