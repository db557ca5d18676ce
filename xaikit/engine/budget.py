"""A good row budget for a device and a model, found by measuring, and remembered."""

import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core import Tensor, tf
from ..core.view import Model
from .memory import available, is_exhausted, peak

_SMALLEST, _LARGEST = 4, 512
_LONG = 1.5  # seconds: a larger batch than one that takes so long is not tried
_GAIN = 1.05  # by how much more rows a second have to be worth a larger batch
_SHARE = 0.5  # of the free memory may be used

_known: "weakref.WeakKeyDictionary[Any, dict[str, int]]" = weakref.WeakKeyDictionary()


def good_budget(view: Model, example: Tensor) -> int:
    """Give the smallest number of rows at which the model is about as fast as it gets: forward pass and gradient.

    Args:
        view: The view that is explained.
        example: Some examples, [n, ...] arrays in the model's structure; how many does not matter.
    """
    known = _known.setdefault(view.keras_model, {})
    device = (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))[0].name
    key = f"{device} {view.spec!r} {view.precision}"
    if key not in known:
        known[key] = _best(list(_measured(_work(view), example)))
    return known[key]


def _best(speeds: list[tuple[int, float]]) -> int:
    """Choose from (rows, rows a second) the fewest rows that are within 5 % of the fastest."""
    if not speeds:
        return 1
    fastest = max(speed for _, speed in speeds)
    return next(rows for rows, speed in speeds if speed * _GAIN >= fastest)


def _measured(work: Callable[[Tensor], Any], example: Tensor) -> Iterator[tuple[int, float]]:
    """Try more and more rows, until that gains nothing, takes long, or memory gets scarce."""
    rows, fastest, idle = _SMALLEST, 0.0, 0
    while rows <= _LARGEST and idle < 2:
        inputs = tf.nest.map_structure(
            lambda leaf, rows=rows: tf.constant(np.resize(leaf, (rows, *leaf.shape[1:]))), example
        )
        before, free = peak(), available()
        try:
            seconds = min(_seconds(work, inputs) for _ in range(3))
        except Exception as error:
            if not is_exhausted(error):
                raise
            return
        yield rows, rows / seconds
        idle = 0 if rows / seconds > fastest * _GAIN else idle + 1
        fastest = max(fastest, rows / seconds)
        grown = (peak() or 0) - (before or 0)
        if seconds > _LONG or (free is not None and 2 * grown > _SHARE * free):
            return
        rows *= 2


def _seconds(work: Callable[[Tensor], Any], inputs: Tensor) -> float:
    start = time.perf_counter()
    tf.nest.map_structure(lambda leaf: leaf.numpy(), work(inputs))
    return time.perf_counter() - start


def _work(view: Model) -> Callable[[Tensor], Any]:
    """Compile what most methods do: a forward pass, and the gradient of its scores where the inputs have one."""

    def run(inputs: Tensor) -> Tensor:
        scores = tf.nest.flatten(view.all_scores(view.run(inputs)))
        floats = [leaf for leaf in tf.nest.flatten(inputs) if leaf.dtype.is_floating]
        total = tf.add_n([tf.reduce_sum(tf.cast(score, tf.float32)) for score in scores])
        found = tf.gradients(total, floats, unconnected_gradients="zero") if floats else []
        return [total, *(tf.reduce_sum(leaf) for leaf in found)]

    concrete = tf.function(run, autograph=False).get_concrete_function(view.spec)
    return lambda inputs: concrete(inputs)
