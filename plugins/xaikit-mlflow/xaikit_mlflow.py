"""Explanations in MLflow: logged to the active run, once or while a model is trained."""

import json
import warnings
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import mlflow
import numpy as np
from PIL import Image

from xaikit import Explainer, explain, find
from xaikit.core import keras
from xaikit.errors import InputError, ParameterError, UsageError, XaikitWarning

__all__ = ["LogExplanations", "log_explanation"]


def log_explanation(
    explained: Any,
    name: str = "explanation",
    *,
    step: int | None = None,
    labels: Sequence[str] = (),
    inputs: Any = None,
) -> None:
    """Log an explanation to MLflow's active run.

    Artifacts, in the folder `name`, or `name/0007` for step 7:

    - `explanation.json`: the expression, every parameter in full, notes, scores, targets and details.
    - `arrays.npz`: "scores", "targets" where they are indices, and "maps", or "maps/KEY" of each of several inputs.
    - `picture.png`: the first explanations, where their kind of data is drawn and the inputs are at hand; else
      `explanation.json` says why there is none. With a step it is also one of MLflow's time-stepped images.

    The tag `xaikit.NAME` is the expression, so that runs can be searched by it.

    Args:
        explained: What `xaikit.explain` gave.
        name: Under which it is kept: what has the same name and step is written over.
        step: Which step of training it belongs to; None of a run that trains nothing.
        labels: The classes' names, for the picture's titles.
        inputs: What was explained, where it did not come as an array.

    Raises:
        UsageError: There is no active run, or `explained` is no result of `explain`.
        mlflow.MlflowException: MLflow refuses the name, or cannot reach its store.
    """
    _check_run()
    if not hasattr(explained, "explainer"):
        raise UsageError(f"log_explanation takes what xaikit.explain gave, not {type(explained).__name__}.")
    picture, problem = _picture(explained, labels, inputs)
    with TemporaryDirectory() as folder:
        text = json.dumps(_described(explained, step, problem), indent=2)
        Path(folder, "explanation.json").write_text(text, encoding="utf-8")
        np.savez(Path(folder, "arrays.npz"), **_arrays(explained))
        if picture:
            Path(folder, "picture.png").write_bytes(picture)
        mlflow.log_artifacts(folder, name if step is None else f"{name}/{step:04d}")
    mlflow.set_tag(f"xaikit.{name}", repr(explained.explainer))
    if picture and step is not None:
        mlflow.log_image(Image.open(BytesIO(picture)), key=name, step=step, synchronous=True)


class LogExplanations(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no usable types
    """Log explanations of some examples to MLflow's active run: before training, and after every so many epochs.

    What cannot be explained, or logged, is an error before the first batch is trained on. Later a failure costs an
    explanation and no training: it is a warning. Steps are numbers of epochs done, so that a training that goes on
    where another one stopped, with `initial_epoch`, goes on in the same folders. A subclassed model has to be built
    before: call it on a batch.

    Args:
        explainer: A value, such as `smooth(gradcam)`, or its text.
        inputs: The examples, as for `xaikit.explain`: arrays, since they are needed again and again.
        targets: As for `xaikit.explain`. Give the examples' labels to see one class become clear: the best class, the
            default, may be another one after each epoch.
        every: After how many epochs.
        name: As for `log_explanation`.
        labels: The classes' names, for the pictures' titles.
        batch_size: As for `xaikit.explain`.
        channels: As for `xaikit.explain`.

    Raises:
        ParameterError: `every` is below 1.
        UnknownName, ExpressionError: The text is no explainer's.
    """

    def __init__(
        self,
        explainer: Explainer | str,
        inputs: Any,
        targets: Any = "top1",
        *,
        every: int = 1,
        name: str = "explanation",
        labels: Sequence[str] = (),
        batch_size: int = 32,
        channels: Literal["last", "first", "none"] = "last",
    ) -> None:
        super().__init__()
        if every < 1:
            raise ParameterError(f"every must be at least 1, not {every!r}.")
        self.explainer = find(explainer) if isinstance(explainer, str) else explainer
        self.inputs, self.targets, self.every = inputs, targets, every
        self.name, self.labels = name, labels
        self.batch_size, self.channels = batch_size, channels
        self._first: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Explain, to see that it can be done; Keras does not say yet which epoch comes first."""
        _check_run()
        self._first = self._explained()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Log what there was before the first epoch."""
        if self._first is not None:
            self._log(self._first, epoch)
            self._first = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Explain and log after every so many epochs."""
        done = epoch + 1
        if done % self.every:
            return
        try:
            self._log(self._explained(), done)
        except Exception as error:  # hours of training are worth more than one explanation, whatever went wrong
            text = f"After epoch {done} no explanation was logged ({type(error).__name__}: {error})"
            warnings.warn(text, XaikitWarning, stacklevel=2)

    def _explained(self) -> Any:
        return explain(
            self.explainer,
            self.model,
            self.inputs,
            self.targets,
            batch_size=self.batch_size,
            channels=self.channels,
            progress=False,
        )

    def _log(self, explained: Any, step: int) -> None:
        log_explanation(explained, self.name, step=step, labels=self.labels)


def _check_run() -> None:
    if mlflow.active_run() is None:
        raise UsageError("There is no active MLflow run to log to: do it inside of `with mlflow.start_run():`.")


def _picture(explained: Any, labels: Sequence[str], inputs: Any) -> tuple[bytes | None, str | None]:
    """Draw the first explanations as PNG, or say why not."""
    page = BytesIO()
    try:
        explained.plot(labels=labels, inputs=inputs, to=page)
    except (UsageError, InputError) as error:
        return None, str(error)
    return page.getvalue(), None


def _described(explained: Any, step: int | None, problem: str | None) -> dict[str, Any]:
    return {
        "explainer": repr(explained.explainer),
        "parameters": explained.parameters,
        "step": step,
        "notes": explained.notes,
        "scores": explained.scores.tolist(),
        "targets": None if explained.targets is None else np.asarray(explained.targets).tolist(),
        "details": {name: figures.tolist() for name, figures in explained.details.items()},
        "no picture": problem,
    }


def _arrays(explained: Any) -> dict[str, Any]:
    arrays = {"scores": explained.scores, **dict(_named("maps", explained.maps))}
    return arrays if explained.targets is None else {**arrays, "targets": np.asarray(explained.targets)}


def _named(name: str, maps: Any) -> Iterator[tuple[str, Any]]:
    """Name each array of a structure by its place in it."""
    if isinstance(maps, dict | list | tuple):
        for key, part in maps.items() if isinstance(maps, dict) else enumerate(maps):
            yield from _named(f"{name}/{key}", part)
    else:
        yield name, maps
