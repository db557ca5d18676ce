"""Activations and normalisations that are written in several ops, found as the one function that they are.

GELU is x, times a constant, erfc of that, and a product with x again. No layer is looked at: it is the same in a layer
of its own, fused into another, or called in a function.
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from .explanation import Tensor
from .flow import Flow


class Region(NamedTuple):
    """Ops that are together a function of one tensor, and give one.

    Attributes:
        entry: The tensor that they read.
        ops: In the order of making.
        output: The tensor that they give; nobody else reads what is between.
    """

    entry: Tensor
    ops: list[Any]
    output: Tensor


def regions(found: Flow, kinds: Collection[str], fits: Callable[[Region], bool] = lambda region: True) -> list[Region]:
    """Find where ways from one tensor come together again, by ops of some types alone; the largest that fit."""
    result: list[Region] = []
    covered: set[str] = set()
    for output, entry in reversed(_joins(found, kinds)):
        if output.op.name in covered:
            continue
        region = Region(entry, _between(found, entry, output), output)
        if _closed(region, found) and fits(region):
            result.append(region)
            covered.update(op.name for op in region.ops)
    return result


def _joins(found: Flow, kinds: Collection[str]) -> list[tuple[Tensor, Tensor]]:
    """List the outputs of ops whose several inputs have one origin, with the nearest such."""
    origins: dict[str, list[Tensor]] = {}  # what all ways to a tensor lead through, the nearest first, itself included
    joins = []
    for op in found.ops:
        sources = list({op.inputs[i].name: op.inputs[i] for i in found.places(op)}.values())
        ways = [origins.get(source.name, [source]) for source in sources]
        common = _common(ways) if op.type in kinds else []
        if common and len(sources) > 1:
            joins.append((op.outputs[0], common[0]))
        for out in op.outputs:
            origins[out.name] = [out, *common]
    return joins


def _common(ways: list[list[Tensor]]) -> list[Tensor]:
    others = [{tensor.name for tensor in way} for way in ways[1:]]
    return [tensor for tensor in ways[0] if all(tensor.name in other for other in others)]


def _between(found: Flow, entry: Tensor, output: Tensor) -> list[Any]:
    ahead, inside = [output.op], set()
    while ahead:
        op = ahead.pop()
        if op.name not in inside:
            inside.add(op.name)
            ahead.extend(op.inputs[i].op for i in found.places(op) if op.inputs[i].name != entry.name)
    return [op for op in found.ops if op.name in inside]


def _closed(region: Region, found: Flow) -> bool:
    inside = {op.name for op in region.ops}
    between = [out for op in region.ops for out in op.outputs if out.name != region.output.name]
    return all(reader.name in inside for tensor in between for reader in found.readers(tensor))
