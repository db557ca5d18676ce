"""Which tokens of a sequence the scores are read from: the class token alone, or all of them.

The traced ops are followed from a tensor with tokens to the scores. Tokens are told by their number: a tensor with an
axis of that size holds them, each by itself. A slice takes some and drops the others; an op after which there is no
such axis, or that multiplies tokens with tokens, has mixed them, and all of them are read.
"""

from collections.abc import Iterator
from typing import Any

from .explanation import Tensor
from .lazy import np, tf
from .passes import Pass, ancestors

_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", "XlaDotV2")
_MIXERS = (
    *("Conv", "DepthwiseConv", "MaxPool", "AvgPool", "Cum", "Reverse", "Roll", "TopK"),
    *("While", "StatelessWhile", "PartitionedCall", "StatefulPartitionedCall"),
)
_SLICES = ("StridedSlice", "Slice", "GatherV2", "Split", "SplitV", "Unpack")


class _Mixed(Exception):
    """An op mixes the tokens."""


def tokens_read(made: Pass, tensor: Tensor, count: int, scores: Tensor) -> frozenset[int] | None:
    """Number the tokens that go on to the scores before the tokens are mixed again; None is all of them.

    Args:
        made: The forward pass.
        tensor: What holds the tokens.
        count: How many tokens there are.
        scores: A tensor, or a structure of them.
    """
    ends = [leaf for leaf in tf.nest.flatten(scores) if leaf.graph is made.graph]
    wanted = set().union(*(ancestors(leaf) for leaf in ends))
    ops = [op for op in made.graph.get_operations() if op.name in wanted]
    used = {leaf.name for leaf in ends} | {source.name for op in ops for source in op.inputs}
    held, read = {tensor.name}, set[int]()  # tensors that hold the tokens; tokens that are taken out of them
    try:
        for op in ops:
            if op is not tensor.op and any(source.name in held for source in op.inputs):
                for out, taken in _results(op, held, count):
                    if taken is None or len(taken) == count:
                        held.add(out.name)
                    elif out.name in used:
                        read |= taken
    except _Mixed:
        return None
    return None if any(leaf.name in held for leaf in ends) else frozenset(read)


def _results(op: Any, held: set[str], count: int) -> Iterator[tuple[Tensor, set[int] | None]]:
    """Give the outputs of an op that hold tokens, with the numbers of those that a slice takes.

    Raises:
        _Mixed: The op mixes the tokens.
    """
    outputs = [out for out in op.outputs if out.dtype.is_floating]  # what computes a shape reads no token
    sources = [source for source in op.inputs if source.name in held]
    if outputs and (op.type.startswith(_MIXERS) or (op.type in _PRODUCTS and len(sources) > 1)):
        raise _Mixed
    axis = _axis(sources[0], count)
    if outputs and op.type in _SLICES and axis is not None:
        shape = [side or 1 for side in sources[0].shape]  # open sides are sliced as a whole
        places = np.broadcast_to(np.expand_dims(np.arange(count), [i for i in range(len(shape)) if i != axis]), shape)
        yield from ((out, set(taken.ravel().tolist())) for out, taken in _pieces(op, places))
        return
    for out in outputs:
        if _axis(out, count) is None and not _folded(op, sources[0], out, count):
            raise _Mixed
        yield out, None


def _axis(tensor: Tensor, count: int) -> int | None:
    """Find the axis along which tokens stand; the first one holds the examples."""
    sides = list(tensor.shape) if tensor.shape.rank is not None else []
    return next((i for i, side in enumerate(sides) if i > 0 and side == count), None)


def _folded(op: Any, source: Tensor, out: Tensor, count: int) -> bool:
    """Whether the tokens stand behind one another with the examples, [B * N, K], as a dense layer multiplies them."""
    if out.shape.rank != 2:
        return False
    if op.type == "Reshape" and source.shape.rank > 2:
        return _axis(source, count) is not None and out.shape[-1] in (None, source.shape[-1])
    return source.shape.rank == 2 and _axis(source, count) is None and op.type not in ("Mean", "Sum", "Max")


def _pieces(op: Any, places: Any) -> list[tuple[Tensor, Any]]:
    """Slice `places` as an op slices its input: its outputs, with what goes into each.

    Raises:
        _Mixed: What is sliced is computed, so that it may be any token.
    """
    first = op.outputs[0]
    if op.type == "StridedSlice":
        return [(first, places[_index(op)])]
    if op.type == "Slice":
        starts, sizes = _static(op.inputs[1]), _static(op.inputs[2])
        cut = tuple(slice(a, None if n == -1 else a + n) for a, n in zip(starts, sizes, strict=True))
        return [(first, places[cut])]
    if op.type == "GatherV2":
        return [(first, np.take(places, _static(op.inputs[1]), axis=int(_static(op.inputs[2]))))]
    if op.type == "Unpack":
        axis = op.get_attr("axis")
        return [(out, np.take(places, [i], axis=axis)) for i, out in enumerate(op.outputs)]
    axis = int(_static(op.inputs[0 if op.type == "Split" else 2]))
    ends = np.cumsum([out.shape[axis] for out in op.outputs])
    return list(zip(op.outputs, np.split(places, ends[:-1], axis=axis), strict=True))


def _index(op: Any) -> tuple[Any, ...]:
    """Write what a StridedSlice op takes as an index of NumPy."""
    begin, end, strides = (_static(op.inputs[i]) for i in (1, 2, 3))

    def marked(name: str, i: int) -> bool:
        return bool(op.get_attr(f"{name}_mask") & (1 << i))

    def entry(i: int) -> Any:
        if marked("ellipsis", i):
            return Ellipsis
        if marked("new_axis", i):
            return None
        if marked("shrink_axis", i):
            return int(begin[i])
        start, stop = (None if marked(name, i) else int(ends[i]) for name, ends in (("begin", begin), ("end", end)))
        return slice(start, stop, int(strides[i]))

    return tuple(entry(i) for i in range(len(begin)))


def _static(tensor: Tensor) -> Any:
    """Give a value that is known while tracing.

    Raises:
        _Mixed: It is not known.
    """
    value = tf.get_static_value(tensor)
    if value is None:
        raise _Mixed
    return value
