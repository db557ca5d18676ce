"""Data in all the shapes that users have it in, as pieces: some examples, with their labels where there are any."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ..core import Tensor, keras, tf
from ..core.layouts import Channels, inward
from ..core.targets import labels as labelled
from ..core.view import input_structure
from ..errors import InputError, TargetError


class Piece(NamedTuple):
    """Some examples.

    Attributes:
        inputs: [n, ...] arrays in the model's structure.
        labels: What the data says of their classes, or None.
    """

    inputs: Tensor
    labels: Any


@dataclass(frozen=True)
class Source:
    """A source of pieces.

    Attributes:
        pieces: Iterate once.
        count: How many examples there are, or None where that is not known.
    """

    pieces: Iterator[Piece]
    count: int | None


def source(
    data: Any,
    model: Any,
    *,
    batch_size: int,
    steps: int | None,
    with_labels: bool = True,
    channels: Channels = "last",
) -> Source:
    """Read `data` for a Keras model: arrays, tensors, a `tf.data.Dataset`, a `PyDataset`, or an iterable of batches.

    Args:
        data: Elements of datasets and iterables are x, (x, y) or (x, y, w); w is ignored.
        model: The Keras model, for the structure and types of its inputs.
        batch_size: In what pieces arrays are cut.
        steps: The most elements, or pieces of arrays, to take; None takes all.
        with_labels: Whether y is asked for; otherwise it may be anything.
        channels: Where the data, and the model, have the channels; pieces have them last.

    Raises:
        TargetError: Labels of a wrong shape or type.
        InputError: It is no data, holds no examples, or does not end and `steps` is not given.
    """
    reader = _Reader(model, channels)
    if isinstance(data, tf.data.Dataset):
        _check_end(data, steps)
        return _elements(data, reader, steps, with_labels)
    if isinstance(data, keras.utils.PyDataset):
        return _elements(_in_turn(data, steps), reader, steps, with_labels)
    if hasattr(data, "__next__"):
        return _elements(data, reader, steps, with_labels)
    if _is_arrays(data):
        return _arrays(data, reader, batch_size, steps)
    raise InputError(
        f"The inputs must be arrays, tensors, a tf.data.Dataset, a keras.utils.PyDataset or a generator of batches, "
        f"not {type(data).__name__}."
    )


def elements(data: Any, steps: int | None) -> Iterator[Any] | None:
    """Give the elements of data that comes in batches one by one, so that several can read them together; else None.

    Raises:
        InputError: It does not end, and `steps` is not given.
    """
    if isinstance(data, tf.data.Dataset):
        _check_end(data, steps)
        return islice(iter(data), steps)
    if isinstance(data, keras.utils.PyDataset):
        return _in_turn(data, steps)
    return islice(data, steps) if hasattr(data, "__next__") else None


class _Reader:
    """How arrays become inputs: in the model's structure, of its types, and with the channels last."""

    def __init__(self, model: Any, channels: Channels) -> None:
        self.model = model
        self.channels = channels
        self.typed = _typed(model)

    def arranged(self, data: Any) -> Tensor:
        return arranged(data, self.model, self.channels)

    def laid(self, inputs: Tensor) -> Tensor:
        return keras.tree.map_structure(lambda leaf: inward(self.typed(leaf), self.channels), inputs)


def _arrays(data: Any, reader: _Reader, batch_size: int, steps: int | None) -> Source:
    if isinstance(data, (list, tuple)) and not data:
        raise InputError("There are no examples: the inputs are empty.")
    inputs = reader.arranged(data)
    counts = {len(leaf) for leaf in keras.tree.flatten(inputs)}
    if len(counts) > 1:
        raise InputError(f"The inputs have different numbers of examples: {sorted(counts)}.")
    count = counts.pop()
    if not count:
        raise InputError("There are no examples: the inputs have 0 rows.")
    if steps is not None:
        count = min(count, steps * batch_size)

    def pieces() -> Iterator[Piece]:
        for start in range(0, count, batch_size):
            cut = slice(start, min(start + batch_size, count))
            yield Piece(reader.laid(keras.tree.map_structure(lambda leaf, cut=cut: leaf[cut], inputs)), None)

    return Source(pieces(), count)


def _elements(data: Iterable[Any], reader: _Reader, steps: int | None, with_labels: bool) -> Source:
    def pieces() -> Iterator[Piece]:
        for element in islice(iter(data), steps):
            inputs, labels = _split(element)
            inputs = reader.laid(reader.arranged(inputs))
            found = labelled(labels) if with_labels and labels is not None else None
            count = len(keras.tree.flatten(inputs)[0])
            if found is not None and len(found) != count:
                raise TargetError(f"A batch of {count} examples has {len(found)} labels.")
            yield Piece(inputs, found)

    return Source(pieces(), None)  # how many examples its batches hold is not known before


def _split(element: Any) -> tuple[Any, Any]:
    """Take x and y of x, (x, y) or (x, y, w)."""
    if not isinstance(element, tuple):
        return element, None
    if not 1 <= len(element) <= 3:
        raise InputError(f"An element of the data must be x, (x, y) or (x, y, w), not {len(element)} things.")
    return element[0], element[1] if len(element) > 1 else None


def _in_turn(data: Any, steps: int | None) -> Iterator[Any]:
    batches = data.num_batches
    if batches is None and steps is None:
        raise InputError("The PyDataset does not end (its num_batches is None): give steps.")
    data.on_epoch_begin()
    for i in range(batches if batches is not None else steps or 0):
        yield data[i]


def _check_end(data: Any, steps: int | None) -> None:
    if steps is None and int(data.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise InputError("The Dataset does not end: give steps.")


def _is_arrays(data: Any) -> bool:
    if isinstance(data, Mapping):
        return bool(data) and all(_is_arrays(value) for value in data.values())
    if isinstance(data, (list, tuple)):
        return all(_is_arrays(item) or isinstance(item, (int, float)) for item in data)
    return hasattr(data, "__array__")


def arranged(data: Any, model: Any, channels: Channels = "last") -> Tensor:
    """Put arrays into the structure in which the model takes its inputs, each with a batch axis.

    Raises:
        InputError: Another number of inputs, other names, or a shape that the model does not take.
    """
    structure = input_structure(model)
    if structure is None:
        return _nested(data)
    # by TensorFlow's order, which sorts every dict: Keras's trees leave ordered ones as they are
    arrays = _by_name(data, structure) if isinstance(structure, dict) else _in_order(data, structure)
    for leaf, declared in zip(tf.nest.flatten(arrays), tf.nest.flatten(structure), strict=True):
        _check_shape(leaf.shape, declared, channels)
    return arrays


def _in_order(data: Any, structure: Any) -> Tensor:
    """Arrays of a model that takes one input, or a list of them."""
    declared = tf.nest.flatten(structure)
    if isinstance(data, Mapping):
        found = _by_name(data, {leaf.name: leaf for leaf in declared})
        arrays = [found[leaf.name] for leaf in declared]
    elif len(declared) == 1:
        arrays = [data]
    else:
        arrays = list(data) if isinstance(data, (list, tuple)) else [data]
    if len(arrays) != len(declared):
        raise InputError(f"The model takes {len(declared)} inputs, and the data has {len(arrays)}.")
    return tf.nest.pack_sequence_as(structure, [_array(item) for item in arrays])


def _by_name(data: Any, structure: Mapping[str, Any]) -> dict[str, Any]:
    names = ", ".join(map(repr, structure))
    if not isinstance(data, Mapping):
        raise InputError(f"The model takes its inputs by name ({names}): give a dict.")
    missing = [name for name in structure if name not in data]
    if missing:
        raise InputError(f"The data lacks the input {missing[0]!r}: the model takes {names}.")
    return {name: _array(data[name]) for name in structure}


def _nested(data: Any) -> Tensor:
    """Arrays of a model that declares no inputs: a dict, a list of arrays, or one."""
    if isinstance(data, Mapping):
        return {name: _array(value) for name, value in data.items()}
    if isinstance(data, (list, tuple)) and all(hasattr(item, "__array__") for item in data):
        return [_array(item) for item in data]
    return _array(data)


def _array(value: Any) -> Any:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"The inputs are no array of one shape ({error}): give examples of equal size.") from error
    if array.dtype.kind not in "fiub":
        raise InputError(f"The inputs must be {'real ' if array.dtype.kind == 'c' else ''}numbers, not {array.dtype}.")
    if array.ndim < 1:
        raise InputError("The inputs need a batch axis: give [B, ...].")
    return array


def _check_shape(shape: tuple[int, ...], declared: Any, channels: Channels) -> None:
    """Compare with what the model declares, and say what is most likely wrong."""
    wanted = tuple(declared.shape)
    if len(shape) == len(wanted) and all(w in (None, s) for s, w in zip(shape[1:], wanted[1:], strict=True)):
        return
    text = f"The inputs have the shape {shape}, and the model takes {wanted}"
    if len(shape) == len(wanted) - 1:
        raise InputError(f"{text}: they lack the batch axis, give inputs[np.newaxis], or batch the Dataset.")
    if len(shape) != len(wanted):
        raise InputError(f"{text}: they have {len(shape)} axes instead of {len(wanted)}.")
    axis, other, place = (-1, 1, "last") if channels == "last" else (1, -1, "first")
    if len(shape) > 2 and channels != "none" and wanted[axis] is not None and shape[axis] != wanted[axis]:
        found = shape[other] == wanted[axis]
        hint = f"np.moveaxis(inputs, {other}, {axis})" if found else f"{wanted[axis]} are wanted"
        also = "; channels='first' is for models that take them first" if channels == "last" and found else ""
        raise InputError(f"{text}: the channels go {place}, {hint}{also}.")
    if len(shape) == 2:
        raise InputError(f"{text}: it wants {wanted[1]} features.")


def _typed(model: Any) -> Any:
    """How arrays become the type of the model's inputs, as `predict` does it."""
    structure = input_structure(model)
    wide = np.dtype(model.variable_dtype)

    def typed(array: Any) -> Any:
        if array.dtype.kind == "f" or array.dtype == np.uint8 or array.dtype.kind == "b":
            return np.ascontiguousarray(array, dtype=wide)
        return array

    if structure is None:
        return typed
    dtypes = {leaf.dtype for leaf in tf.nest.flatten(structure)}
    if len(dtypes) == 1:
        one = np.dtype(tf.as_dtype(dtypes.pop()).as_numpy_dtype)
        return lambda array: np.ascontiguousarray(array, dtype=one)
    return typed
