"""Classes by their names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Any

from ..core.lazy import np
from ..core.targets import Chosen, Helper, chosen
from ..errors import TargetError
from .labels import index_of, read_labels

_LONGEST = 20  # names of labels that the spelling writes out


class _Labels(tuple[str, ...]):
    """Names of the classes, in order."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(list(self)) if len(self) <= _LONGEST else f"<{len(self)} labels>"


@dataclass(frozen=True, repr=False)
class named(Helper):
    """Classes by name instead of by index: one for all examples, [N] one for each, or [N, T] several for each.

    `named("cat", "labels.txt")` is the index of "cat". A list is read as indices are: a name for each example.

    Args:
        names: A name, or names [N] or [N, T].
        labels: The names of all classes in order; or the file that holds them, one a line, or JSON, a list or
            {"0": name}.

    Raises:
        UnknownName: No class bears such a name; the nearest is named.
        TargetError: Several do, or the names are of another shape.
        InputError: The file cannot be read.
    """

    names: Any
    labels: Any
    indices: Any = field(init=False)

    def __init__(self, names: Any, labels: Sequence[str] | str | PathLike[str]) -> None:
        """Find the names."""
        known = read_labels(fspath(labels)) if isinstance(labels, (str, PathLike)) else list(labels)
        array = _names(names)
        indices = np.array([index_of(str(name), known) for name in array.ravel()], int).reshape(array.shape)
        chosen(indices)
        keep = fspath(labels) if isinstance(labels, (str, PathLike)) else _Labels(known)
        for name, value in (
            ("names", _tuples(array.tolist())),
            ("labels", keep),
            ("indices", _tuples(indices.tolist())),
        ):
            object.__setattr__(self, name, value)

    def chosen(self) -> Chosen:
        """Give the form in which a step takes them."""
        return chosen(self.indices)._replace(text=repr(self))


def _names(names: Any) -> Any:
    try:
        array = np.asarray(names)
    except ValueError:
        raise TargetError("named: names must be as many for each example, and these are ragged.") from None
    if array.dtype.kind != "U" or array.ndim > 2 or not array.size:
        raise TargetError(f"named: names must be a text, or texts [N] or [N, T], not {names!r}.")
    return array


def _tuples(values: Any) -> Any:
    return tuple(map(_tuples, values)) if isinstance(values, list) else values
