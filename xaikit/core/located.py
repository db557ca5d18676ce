"""Which tensors of a pass lie on the positions of an input, however coarse: features do, tokens and tables do not."""

from typing import Any

from .explanation import Tensor
from .flow import Flow

# What may lay values out anew, so that an axis is no longer the axis that it was.
_REARRANGING = frozenset({"Reshape", "Transpose", "Einsum", "MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"})


def located(inputs: Tensor, found: Flow) -> set[str]:
    """Name the tensors [B, *positions, K] whose positions are those of one input, [B, *positions, C].

    After a reshape or a matrix product values lie on positions again where their sides are those of before, or 1.
    """
    rank = inputs.shape.rank
    if rank == 2:
        return set()
    grids: dict[str, list[Any]] = {inputs.name: list(inputs.shape[1:-1])}  # the last positions on the way
    kept = {inputs.name}  # whether the axes are what they were, with more or less of them in between
    result: set[str] = set()
    for op in found.ops:
        sources = [source.name for source in op.inputs if source.name in grids]
        if not sources:
            continue
        before = grids[next((name for name in sources if name in kept), sources[0])]
        safe = op.type not in _REARRANGING and any(name in kept for name in sources)
        for out in op.outputs:
            sides = list(out.shape[1:-1]) if out.shape.rank == rank else []
            here = bool(sides) and (safe or sides == before or all(side == 1 for side in sides))
            grids[out.name] = sides if here else before
            if safe or here:
                kept.add(out.name)
            if here:
                result.add(out.name)
    return result
