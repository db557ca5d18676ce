"""Evaluations of the same explainers on several models and data, as one table."""

from collections.abc import Mapping
from dataclasses import replace

from .evaluation import Column, Cost, Evaluation
from .figures import Cell


def joined(parts: Mapping[str, Evaluation]) -> Evaluation:
    """Set the columns of evaluations beside each other, each headed by its part where there are several.

    Seconds are added up, and so are the examples; the rows are those of the first part that counted some.

    Args:
        parts: At least one evaluation, by the name of the part; of the same explainers.
    """
    first = next(iter(parts.values()))

    def headed(part: str, label: str) -> str:
        return label if len(parts) == 1 else f"{part}: {label}"

    columns: dict[str, Column] = {}
    cells: dict[tuple[str, str], Cell] = {}
    errors: dict[tuple[str, str], str] = {}
    for part, one in parts.items():
        columns |= {headed(part, label): column for label, column in one.metrics.items()}
        cells |= {(name, headed(part, label)): cell for (name, label), cell in one.cells.items()}
        errors |= {(name, headed(part, label)): why for (name, label), why in one.errors.items()}
    return replace(
        first,
        metrics=columns,
        cells=cells,
        errors=errors,
        costs={name: _cost([one.costs[name] for one in parts.values()]) for name in first.explainers},
        examples=sum(one.examples for one in parts.values()),
    )


def _cost(costs: list[Cost]) -> Cost:
    counted = [cost.rows for cost in costs if cost.rows is not None]
    return Cost(sum(cost.seconds for cost in costs), counted[0] if counted else None)
