"""Data for several explainers, which read it together."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core import tf
from ..core.layouts import Channels
from ..engine.sources import arranged, elements
from ..errors import InputError


class _Link:
    """An element and what follows it: what every reader has passed is let go, one by one, which `tee` does not do."""

    def __init__(self, element: Any = None) -> None:
        self.element = element
        self.next: _Link | None = None


class Feed:
    """Data that is read once, whatever the number of readers, and of which no more is held than they lie apart.

    A generator can be read only once, and a Dataset that shuffles brings another order each time: so the readers of
    what comes in batches share one pass, and see the same examples. Arrays are handed to each as they are.

    Attributes:
        seconds: How long was waited for data up to now.
        count: How many examples there are, where that is known.
        broken: What the data raised, which ends it for every reader.
    """

    def __init__(self, data: Any, model: Any, channels: Channels, steps: int | None) -> None:
        self.seconds = 0.0
        self.count: int | None = None
        self.broken: Exception | None = None
        self._data, self._model, self._channels = data, model, channels
        found = elements(data, steps)
        self._source = iter(()) if found is None else self._clocked(found)
        self._start: _Link | None = None if found is None else _Link()
        self.steps = steps if found is None else None  # what comes in batches is cut short here already
        if found is None and steps is None and (leaves := tf.nest.flatten(data)) and hasattr(leaves[0], "__len__"):
            self.count = len(leaves[0])

    def reader(self) -> Any:
        """Give the data from its start, until `release` is called."""
        return self._data if self._start is None else self._from(self._start)

    def release(self) -> None:
        """Hold the start no longer: every reader has begun."""
        self._start = None

    def example(self) -> Iterator[Any] | None:
        """Give the first example alone, with its label, as data; None where the first batch is empty."""
        first = self._data if self._start is None else next(self.reader(), None)
        labels: Any = None
        if self._start is not None and isinstance(first, tuple) and first:
            first, labels = first[0], first[1] if len(first) > 1 else None
        if first is None:
            return None
        try:
            inputs = tf.nest.map_structure(lambda leaf: leaf[:1], arranged(first, self._model, self._channels))
        except InputError:  # whoever reads it all says so better
            return None
        if not len(tf.nest.flatten(inputs)[0]):
            return None
        return iter([inputs if labels is None else (inputs, np.asarray(labels)[:1])])

    def _from(self, link: _Link) -> Iterator[Any]:
        """Read on from a link of the chain, and lengthen it at its end."""
        while True:
            if link.next is None:
                try:
                    element = next(self._source)
                except StopIteration:
                    return
                link.next = _Link(element)
            link = link.next
            yield link.element

    def _clocked(self, found: Iterator[Any]) -> Iterator[Any]:
        while True:
            begun = time.perf_counter()
            try:
                element = next(found)
            except StopIteration:
                return
            except Exception as error:
                self.broken = error
                raise
            finally:
                self.seconds += time.perf_counter() - begun
            yield element
