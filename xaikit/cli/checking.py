"""What `xaikit check` does: the laws on the embedded models, or on one model of the user's."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..core import Recipe, as_view, tf
from ..errors import InputError, UsageError, XaikitError
from ..measuring import Metric
from ..models import load
from ..testing import (
    LAWS,
    METRIC_LAWS,
    TRANSFORMER_LAWS,
    Law,
    Verdict,
    check_explains,
    check_taken,
    chosen_laws,
    demo_model,
    demo_pictures,
    judge_explainer,
    judge_metric,
    judge_transformer,
    sample_for,
)
from .starting import start_tensorflow

_PICTURES = 5
_WORST = ("fail", "warning", "pass", "skip")  # what a law came to, of several models or explainers


class Subject(NamedTuple):
    """A model to check on.

    Attributes:
        name: What it is called in messages.
        model: The Keras model.
        inputs: Examples for it; None are drawn.
        laws: The names of the laws to check on it.
    """

    name: str
    model: Any
    inputs: Any
    laws: list[str]


class Found(NamedTuple):
    """A verdict, and the name of the model on which it was found."""

    verdict: Verdict
    model: str


def laws_of(subject: Any, only: Sequence[str], quick: bool) -> list[Law]:
    """Choose laws by their names, in their order: of metrics, or of explainers; of a transformer alone come first.

    Raises:
        UnknownName: There is no law of such a name.
        UsageError: None is left, or it is neither an explainer nor a metric.
    """
    chosen = [law for law in chosen_laws(_known(subject), only or None) if not (quick and law.thorough)]
    if not chosen:
        raise UsageError("--quick leaves out all the laws of --only: leave one of the two out.")
    return chosen


def _known(subject: Any) -> tuple[Law, ...]:
    if isinstance(subject, Metric):
        return METRIC_LAWS
    check_explains(subject)
    return LAWS if _complete(subject) else (*TRANSFORMER_LAWS, *LAWS)


def subjects(explainer: Any, laws: list[Law], model: Path | None, data: Path | None, trust: bool) -> list[Subject]:
    """Start TensorFlow, and give the models to check on: the user's, or the embedded ones.

    Raises:
        UsageError: Data without a model.
        InputError: The data is no array.
        XaikitError: The model cannot be loaded, or the explainer takes none of the embedded ones.
    """
    if data is not None and model is None:
        raise UsageError("--data is for --model: give both, or neither.")
    inputs = None if data is None else _array(data)
    _start()
    names = [law.name for law in laws]
    if model is not None:
        return [Subject(model.name, load(model, trust=trust), inputs, names)]
    if isinstance(explainer, Metric):
        return [Subject("sample", None, None, names)]
    small, examples = sample_for(explainer) if _complete(explainer) else (None, None)
    found = [Subject("sample" if small is None else small.name, small, examples, names)]
    light = [law.name for law in laws if not law.thorough]
    if light and _complete(explainer) and _takes(explainer, demo_model()):
        found.append(Subject("demo", demo_model(), demo_pictures(_PICTURES).images, light))
    return found


def judged(explainer: Any, subject: Subject) -> Iterator[Found]:
    """Judge an explainer, a transformer alone, or a metric, on a model."""
    for verdict in _judge_of(explainer)(explainer, subject.model, subject.inputs, subject.laws):
        yield Found(verdict, subject.name)


def _judge_of(explainer: Any) -> Any:
    if isinstance(explainer, Metric):
        return judge_metric
    return judge_explainer if _complete(explainer) else judge_transformer


def merged(found: Sequence[Found]) -> list[Found]:
    """Give one verdict for each law: the worst, and of several such the one with the largest figure."""
    best: dict[str, Found] = {}
    for each in found:
        known = best.get(each.verdict.law)
        if known is None or _badness(each.verdict) > _badness(known.verdict):
            best[each.verdict.law] = each
    return list(best.values())


def _badness(verdict: Verdict) -> tuple[int, float]:
    return -_WORST.index(verdict.outcome), -1.0 if verdict.figure is None else verdict.figure


def _complete(explainer: Any) -> bool:
    return not isinstance(explainer, Recipe) or explainer.complete


def _takes(explainer: Any, model: Any) -> bool:
    try:
        check_taken(explainer, as_view(model))
    except XaikitError:
        return False
    return True


def _array(path: Path) -> Any:
    import numpy as np

    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read as an .npy file: {error}.") from error


def _start() -> None:
    """Start TensorFlow with two logical CPUs, for the law of replicas, and without a line for each strategy."""
    start_tensorflow()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with contextlib.suppress(RuntimeError):  # it runs already
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
