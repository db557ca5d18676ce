"""Targets inside of other targets: kept as hashable values, and checked against outputs."""

import re
from typing import Any

from ..core.arrays import Array
from ..core.goals import Given
from ..core.lazy import np, tf
from ..core.targets import Chosen, Helper, check_range, chosen
from ..core.view import shape_text
from ..errors import TargetError


def kept(targets: Any) -> Any:
    """Make targets hashable, and compared by content.

    Raises:
        TargetError: They are no targets.
    """
    chosen(targets)
    if isinstance(targets, (str, Helper)) or callable(targets):
        return targets
    array = np.asarray(targets)
    return Array(array) if array.ndim else int(array)


def opened(targets: Any) -> Chosen:
    """Read what `kept` made."""
    return chosen(targets.values if isinstance(targets, Array) else targets)


def classes(owner: str, targets: Any) -> Any:
    """Keep targets that are classes: indices or ranks, no functions and no outputs.

    Raises:
        TargetError: They are others.
    """
    found = chosen(targets)
    if found.function is not None or found.output is not None:
        raise TargetError(
            f"{owner}: a class must be an index, [N] or [N, T] of them, 'topK' or 'all', not {targets!r}."
        )
    return kept(targets)


def class_codes(targets: Any, count: int | None) -> Given:
    """Give the codes of classes, of which there are `count`.

    Raises:
        TargetError: One is out of range, or the count is not known.
    """
    found = opened(targets)
    if count is None:
        raise TargetError(f"{targets!r} needs outputs that say how many classes they have.")
    codes = np.arange(count, dtype=np.int32) if found.every else found.codes
    check_range(codes, count)
    return Given(codes, found.per_example)


def one_class(owner: str, target: Any) -> int:
    """Give one class as a code: its index, or a rank as -1 for "top1", -2 for "top2".

    Raises:
        TargetError: It is neither.
    """
    if isinstance(target, str):
        match = re.fullmatch(r"top([1-9]\d*)", target)
        if match is None:
            raise TargetError(f"{owner}: a class must be an index, or a rank such as 'top1', not {target!r}.")
        return -int(match[1])
    found = chosen(target)
    if found.function is not None or found.output is not None or found.codes is None or found.codes.shape != (1,):
        raise TargetError(f"{owner}: a class must be one index, or a rank such as 'top1', not {target!r}.")
    return int(found.codes[0])


def only(owner: str, outputs: Any) -> Any:
    """Give the only output, or refuse several.

    Raises:
        TargetError: It names them.
    """
    leaves = tf.nest.flatten(outputs)
    if len(leaves) > 1:
        names = list(outputs) if isinstance(outputs, dict) else list(range(len(leaves)))
        raise TargetError(
            f"{owner} reads one output, and the model has {len(leaves)}, {', '.join(map(repr, names))}: choose one, as "
            f"in output({names[0]!r}, {owner}(...))."
        )
    return leaves[0]


def numbers(owner: str, name: str, values: Any) -> Array:
    """Keep an array of finite numbers.

    Raises:
        TargetError: It is none.
    """
    if isinstance(values, Array):
        return values
    try:
        array = np.asarray(values)
    except ValueError:
        raise TargetError(f"{owner}: {name} must be an array of one shape, and this one is ragged.") from None
    if array.dtype.kind not in "fiub" or not array.size:
        raise TargetError(f"{owner}: {name} must be an array of numbers, not {array.dtype} of shape {array.shape}.")
    if not np.isfinite(array).all():
        raise TargetError(f"{owner}: {name} must be finite, and holds NaN or infinity.")
    return Array(array)


def floats(values: Any, like: Any) -> Any:
    """Give an array of floats, in the type of the scores that outputs make."""
    return values.astype(np.float64 if tf.as_dtype(like.dtype) == tf.float64 else np.float32)


def shape_of(output: Any) -> str:
    """Write the shape of an output."""
    return shape_text(tf.TensorShape(output.shape))
