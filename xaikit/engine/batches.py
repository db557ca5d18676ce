"""Pieces put together into full batches of one shape."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..core import Tensor, keras
from ..core.goals import Given
from ..core.targets import Chosen
from ..errors import InputError, TargetError
from .sources import Piece


class Batch(NamedTuple):
    """Examples to run at once.

    Attributes:
        inputs: [rows, ...] arrays of one shape.
        codes: [rows, T], their targets.
        size: How many rows are examples; the others repeat the last one.
        first: The place of the first example in the data.
    """

    inputs: Tensor
    codes: Any
    size: int
    first: int


def full_batches(pieces: Iterable[Piece], targets: Chosen, rows: int, replicas: int) -> Iterator[Batch]:
    """Group examples into batches of `rows`, in order, whatever pieces they come in.

    A last batch that is short is padded to the shape of those before it: one shape is one trace, and no replica is
    handed an empty share. Examples of another shape begin a new batch.

    Raises:
        InputError: NaN or infinity in an example; it is named.
        TargetError: Targets of a wrong number.
    """
    first, seen_full = 0, False
    for group in _grouped(pieces, rows):
        size = len(keras.tree.flatten(group.inputs)[0])
        _check_finite(group.inputs, first)
        codes = _codes(targets, group.labels, first, size)
        wanted = rows if seen_full else size + -size % replicas
        yield Batch(_padded(group.inputs, wanted), _padded(codes, wanted), size, first)
        first += size
        seen_full = seen_full or size == rows
    if not first:
        raise InputError("There are no examples: the data is empty.")
    if targets.per_example and len(targets.codes) != first:
        raise TargetError(f"There are targets for {len(targets.codes)} examples, and the data has {first}.")


def cut(batch: Batch, start: int, rows: int, replicas: int) -> Batch:
    """Give the part of a batch from its example `start` on, `rows` at the most, padded to equal shares of replicas."""
    if start == 0 and len(batch.codes) <= rows:
        return batch
    size = min(rows, batch.size - start)
    wanted = size + -size % replicas
    place = slice(start, start + size)
    inputs = _padded(keras.tree.map_structure(lambda leaf: leaf[place], batch.inputs), wanted)
    return Batch(inputs, _padded(batch.codes[place], wanted), size, batch.first + start)


def given_rows(given: Given, batch: Batch, text: str) -> Any:
    """Give a goal's array for the rows of a batch, [rows, ...].

    Raises:
        TargetError: It ends before the batch does.
    """
    rows = len(batch.codes)
    if not given.each:
        return np.broadcast_to(given.values, (rows, *given.values.shape))
    values = given.values[batch.first : batch.first + batch.size]
    if len(values) < batch.size:
        raise TargetError(f"{text} is for {len(given.values)} examples, and the data has more.")
    return _padded(values, rows)


def beside_rows(arrays: Tensor, batch: Batch, name: str) -> Tensor:
    """Give the rows of a batch of arrays [N, ...] that stand beside the inputs.

    Raises:
        InputError: They end before the batch does.
    """

    def rows(array: Any) -> Any:
        values = array[batch.first : batch.first + batch.size]
        if len(values) < batch.size:
            raise InputError(f"The {name} are for {len(array)} examples, and the data has more.")
        return _padded(values, len(batch.codes))

    return keras.tree.map_structure(rows, arrays)


def _grouped(pieces: Iterable[Piece], rows: int) -> Iterator[Piece]:
    held: list[Piece] = []
    for piece in pieces:
        if not _length(piece):  # what a filter left of a batch
            continue
        if held and _spec(held[0]) != _spec(piece):
            yield _joined(held)
            held = []
        held.append(piece)
        while sum(map(_length, held)) >= rows:
            together = held[0] if len(held) == 1 else _joined(held)
            yield _cut(together, 0, rows)
            held = [_cut(together, rows, None)] if _length(together) > rows else []
    if held:
        yield _joined(held)


def _length(piece: Piece) -> int:
    return len(keras.tree.flatten(piece.inputs)[0])


def _spec(piece: Piece) -> Any:
    leaves = [(leaf.shape[1:], leaf.dtype) for leaf in keras.tree.flatten(piece.inputs)]
    return leaves, None if piece.labels is None else piece.labels.shape[1:]


def _joined(held: list[Piece]) -> Piece:
    if len(held) == 1:
        return held[0]
    inputs = keras.tree.map_structure(lambda *leaves: np.concatenate(leaves), *[piece.inputs for piece in held])
    return Piece(inputs, None if held[0].labels is None else np.concatenate([piece.labels for piece in held]))


def _cut(piece: Piece, start: int, end: int | None) -> Piece:
    inputs = keras.tree.map_structure(lambda leaf: leaf[start:end], piece.inputs)
    return Piece(inputs, None if piece.labels is None else piece.labels[start:end])


def _padded(values: Tensor, rows: int) -> Tensor:
    def pad(leaf: Any) -> Any:
        missing = rows - len(leaf)
        return leaf if not missing else np.concatenate([leaf, np.repeat(leaf[-1:], missing, axis=0)])

    return keras.tree.map_structure(pad, values)


def _codes(targets: Chosen, found: Any, first: int, size: int) -> Any:
    """The targets of some examples, [size, T]: those that were given, or else what the data says."""
    if targets.per_example:
        codes = targets.codes[first : first + size]
        if len(codes) < size:
            raise TargetError(f"There are targets for {len(targets.codes)} examples, and the data has more.")
        return codes
    if targets.default and found is not None:
        return found
    return np.tile(targets.codes, (size, 1))


def _check_finite(inputs: Tensor, first: int) -> None:
    for leaf in keras.tree.flatten(inputs):
        if leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
            bad = np.flatnonzero(~np.isfinite(leaf).reshape(len(leaf), -1).all(axis=1))[0]
            raise InputError(f"Example {first + bad} holds NaN or infinity: leave it out, or fill in numbers.")
