"""Where tensors come from: which depend on the inputs, and of which others they are functions value by value."""

from collections.abc import Sequence

from . import kinds
from .explanation import Tensor
from .lazy import tf
from .passes import Pass, ancestors

Origins = dict[str, tuple[Tensor, ...]]


def origins_of(made: Pass, ends: Sequence[Tensor], inputs: Sequence[Tensor]) -> Origins:
    """List, for each tensor that depends on the inputs, the tensors of which it is a function value by value.

    The nearest is first, and each tensor is one of itself.
    """
    wanted = set().union(*(ancestors(end) for end in ends))
    found: Origins = {leaf.name: (leaf,) for leaf in inputs}
    for op in made.graph.get_operations():
        if op.name not in wanted or op.type in kinds.NUMBERS:
            continue
        sources = [source for source in op.inputs if source.name in found]
        for out in op.outputs if sources else ():
            if _carries(out) and out.name not in found:
                common = shared(sources, found) if op.type in kinds.VALUE_BY_VALUE else ()
                found[out.name] = (out, *(tensor for tensor in common if same_shape(tensor, out)))
    return found


def _carries(tensor: Tensor) -> bool:
    """Whether a tensor holds features; a loop's lists of them count."""
    return bool(tensor.dtype.is_floating or tensor.dtype.is_complex or tensor.dtype == tf.variant)


def shared(sources: Sequence[Tensor], origins: Origins) -> tuple[Tensor, ...]:
    """Give what all the sources are functions of."""
    names = set.intersection(*({tensor.name for tensor in origins[source.name]} for source in sources))
    return tuple(tensor for tensor in origins[sources[0].name] if tensor.name in names)


def same_shape(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are known to have the same shape."""
    return one.shape.rank is not None and one.shape.rank == other.shape.rank and list(one.shape) == list(other.shape)
