"""Who is told how the work goes: Keras callbacks, and a progress bar on stderr."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Self

from ..core import keras
from ..errors import UsageError
from .batches import Batch

_LONG = 2.0  # seconds after which work is long, and a bar worth showing


class Listeners:
    """The callbacks and the bar of one run.

    Args:
        model: The Keras model, which callbacks are given.
        callbacks: Keras callbacks, of which `on_predict_*` are called.
        progress: True shows a bar, False none; "auto" shows one on a terminal when the work is long.
        count: How many examples there are, if that is known.
    """

    def __init__(
        self, model: Any, callbacks: Sequence[Any], progress: bool | Literal["auto"], count: int | None
    ) -> None:
        if progress not in (True, False, "auto"):
            raise UsageError(f"progress must be True, False or 'auto', not {progress!r}.")
        for callback in callbacks:
            if not isinstance(callback, keras.callbacks.Callback):
                raise UsageError(f"callbacks must be keras.callbacks.Callback objects, not {callback!r}.")
        # a list of none would take as long as all the rest, and a plain callback does nothing
        nobody = keras.callbacks.Callback()
        self.callbacks = keras.callbacks.CallbackList(list(callbacks), model=model) if callbacks else nobody
        self.wanted = progress is True or (progress == "auto" and sys.stderr.isatty())
        self.after = 0.0 if progress is True else _LONG
        self.started = time.monotonic()
        self.count = count
        self.finished = 0
        self.number = 0
        self.bar: Any = None

    def __enter__(self) -> Self:
        self.callbacks.on_predict_begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
        if kind is None:
            self.callbacks.on_predict_end()

    def batches(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Announce each batch before it is run."""
        for self.number, batch in enumerate(batches):
            self.callbacks.on_predict_batch_begin(self.number)
            yield batch

    def done(self, batch: Batch, results: Any) -> None:
        """Announce the explanations of a batch: `logs["outputs"]` is (scores, maps), or a list of them for several."""
        pairs = [(result.scores, result.maps) for result in results]
        self.callbacks.on_predict_batch_end(self.number, {"outputs": pairs[0] if len(pairs) == 1 else pairs})
        self.finished += batch.size
        if self.wanted and self.bar is None and time.monotonic() - self.started >= self.after:
            self._open()
        if self.bar is not None:
            self.bar.update(self.task, completed=self.finished)

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("explaining"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        # in a file the bar's last state stays; on a terminal it makes way for what comes
        self.bar = Progress(*columns, console=console, transient=console.is_terminal)
        self.task = self.bar.add_task("explaining", total=self.count)
        self.bar.start()
