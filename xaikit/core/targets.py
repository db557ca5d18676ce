"""Targets: which outputs are explained. They are resolved once, on the clean inputs.

Ranks ("top1", "topK") travel as negative numbers, -1 for the best, so that one traced step serves every kind of target;
the step's own forward pass finds the classes. What a user writes is checked here, before anything runs.
"""

import re
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from ..errors import TargetError
from .explanation import Tensor
from .lazy import np, tf

TargetFunction: TypeAlias = Callable[[Tensor], Tensor]
Targets: TypeAlias = Any  # "top1", "topK", "all", an int, [B], [B, T], a TargetFunction, or a Helper


class Chosen(NamedTuple):
    """Targets in the form in which a step takes them.

    Attributes:
        codes: [T] the same for every example, or [N, T] for each; class indices, or ranks as -1, -2, ...
        function: A target function, or a goal, in whose place the codes say nothing.
        every: Whether all the outputs are asked for.
        default: Whether nothing was asked for, so that labels in the data may say.
        output: Which of several outputs, by name or position; None is the only one.
        text: The spelling of targets that have one.
    """

    codes: Any
    function: TargetFunction | Any | None = None
    every: bool = False
    default: bool = False
    output: str | int | None = None
    text: str = ""

    @property
    def per_example(self) -> bool:
        """Whether each example has its own."""
        return self.codes is not None and self.codes.ndim == 2


class Helper:
    """A value that stands for targets, a frozen dataclass, and spells itself: those of `xaikit.targets`."""

    def __repr__(self) -> str:
        parts = []
        declared: Any = self if is_dataclass(self) else None
        for item in fields(declared) if declared is not None else ():
            value = getattr(self, item.name)
            if item.init and item.default is MISSING:
                parts.append(repr(value))
            elif item.init and value != item.default:
                parts.append(f"{item.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def chosen(self) -> Chosen:
        """Give the form in which a step takes them."""
        raise NotImplementedError


def chosen(targets: Targets) -> Chosen:
    """Read targets as a user writes them.

    Raises:
        TargetError: They are of no kind that is known, or of a wrong shape or type.
    """
    if isinstance(targets, type) and issubclass(targets, Helper):
        raise TargetError(f"Targets are values: write {targets.__name__}(...).")
    if isinstance(targets, Helper):
        return targets.chosen()
    if callable(targets):
        return Chosen(np.zeros([1], np.int32), targets)
    if isinstance(targets, str):
        return _named(targets)
    array = _array(targets)
    return Chosen(labels(array) if array.ndim else _whole(array)[np.newaxis])


def labels(array: Any) -> Any:
    """Read the targets of some examples, [B] or [B, T] whole numbers, as [B, T].

    Raises:
        TargetError: Another shape or type; rows that look like one-hot vectors.
    """
    array = _array(array)
    if array.ndim not in (1, 2):
        raise TargetError(f"Targets must be [B] or [B, T], not of shape {array.shape}.")
    if array.ndim == 2 and array.shape[1] == 0:
        raise TargetError("Targets [B, T] need at least one column.")
    if array.ndim == 2 and _one_hot(array):
        raise TargetError("Targets look like one-hot rows, and must be class indices: give targets.argmax(axis=-1).")
    array = _whole(array)
    return array[:, np.newaxis] if array.ndim == 1 else array


def check_range(codes: Any, count: int) -> None:
    """Refuse targets that a model with `count` outputs does not have.

    Raises:
        TargetError: One is out of range; it names the first.
    """
    flat = np.asarray(codes).ravel()
    wrong = flat[(flat >= count) | (flat < -count)]
    if wrong.size:
        has = "1 output, 0" if count == 1 else f"{count} outputs, 0 to {count - 1}"
        if wrong[0] < 0:
            raise TargetError(f"'top{-wrong[0]}' is out of range: the model has {has}.")
        raise TargetError(f"Target {wrong[0]} is out of range: the model has {has}.")


def picked(scores: Tensor, targets: Tensor) -> Tensor:
    """Pick the scores [B, T] of `targets` [B, T] or [B] out of all [B, classes]."""
    if targets.shape.rank == 1:
        targets = targets[:, tf.newaxis]
    return tf.gather(scores, targets, batch_dims=1)


def resolved(scores: Tensor, codes: Tensor) -> Tensor:
    """Turn ranks into classes: of all scores [B, classes] and codes [B, T], class indices [B, T]."""
    if codes.shape[-1] == 1:
        best = tf.argmax(scores, axis=-1, output_type=codes.dtype)[:, tf.newaxis]
        return tf.where(codes < 0, best, codes)
    order = tf.argsort(scores, axis=-1, direction="DESCENDING", stable=True)
    ranked = tf.gather(order, tf.maximum(-1 - codes, 0), batch_dims=1)
    return tf.where(codes < 0, tf.cast(ranked, codes.dtype), codes)


@lru_cache
def _named(text: str) -> Chosen:
    match = re.fullmatch(r"top([1-9]\d*)", text)
    if match:
        return Chosen(-1 - np.arange(int(match[1]), dtype=np.int32), default=text == "top1")
    if text == "all":
        return Chosen(None, every=True)
    raise TargetError(f"Targets must be 'top1', 'topK' such as 'top3', 'all', indices or a function, not {text!r}.")


def _array(targets: Any) -> Any:
    try:
        return np.asarray(targets)
    except ValueError:
        raise TargetError("Targets must be [B] or [B, T], as many for each example: these are ragged.") from None


def _whole(array: Any) -> Any:
    if array.dtype.kind not in "iu":
        hint = ""
        if array.dtype.kind in "fb":
            hint = " For one-hot or probability rows give targets.argmax(axis=-1)."
        raise TargetError(f"Targets must be whole numbers, not {array.dtype}.{hint}")
    if array.size and (array.min() < 0 or array.max() > np.iinfo(np.int32).max):
        bad = array.min() if array.min() < 0 else array.max()
        raise TargetError(f"Target {bad} is out of range: class indices count from 0.")
    return array.astype(np.int32)


def _one_hot(array: Any) -> bool:
    """Rows of zeros and a single one, and more than two of them: no one asks for class 0 that often."""
    return array.shape[1] > 2 and bool(np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all())
