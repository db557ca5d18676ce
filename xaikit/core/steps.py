"""Explainers bound to a model: steps that know their level, trace themselves when called eagerly, and are checked."""

from contextlib import nullcontext
from typing import Any, Protocol, runtime_checkable

from ..errors import PluginError
from .explanation import Explanation, Step, Tensor
from .goals import Goal, frozen_goal
from .lazy import tf
from .makers import answering, maker, running, whose
from .targets import check_range, labels
from .tracing import at_level, count_level, current, levels_below, new_trace
from .view import Model, shape_text


@runtime_checkable
class Explainer(Protocol):
    """Anything that turns a model into a step."""

    def bind(self, model: Model, /) -> Step:
        """Prepare for `model`, a view of the user's model: find layers, check, fail early."""
        ...


def bound(explainer: Explainer, model: Model) -> Step:
    """Bind any explainer, a recipe or not, so that its step has its own level, traces itself, and is checked."""
    with levels_below() as below, answering(explainer):
        step = explainer.bind(model)
    if isinstance(step, BoundStep):
        return step
    return BoundStep(step, model, explainer, 1 + max(below, default=-1))


class BoundStep:
    """A complete step: it takes targets [B] as well as [B, T], and traces itself where it is called eagerly."""

    def __init__(self, step: Step, model: Model, explainer: Explainer, level: int) -> None:
        self._step = step
        self._model = model
        self._explainer = explainer
        self._text = repr(explainer)
        self._level = level
        self._made: dict[Any, Any] = {}
        count_level(level)

    def __call__(self, inputs: Tensor, targets: Tensor, /) -> Explanation:
        """Explain `inputs` [B, ...] for `targets` [B, T] or [B]."""
        if tf.executing_eagerly():
            return _run_traced(self, self._model, self._made, inputs, targets)
        going_on = current().graph is not None
        with nullcontext() if going_on else new_trace(), at_level(self._level, self._text):
            targets = tf.convert_to_tensor(targets, tf.int32)
            targets = targets[:, tf.newaxis] if targets.shape.rank == 1 else targets
            if going_on or not isinstance(self._model.target_function, Goal):
                return self._run(inputs, targets)
            with frozen_goal(self._model, inputs) as targets:
                return self._run(inputs, targets)

    def _run(self, inputs: Tensor, targets: Tensor) -> Explanation:
        with answering(self._explainer):
            result = self._step(inputs, targets)
            scores, maps = _checked(result, f"The step of {whose(self._explainer)}")
            if maker(self._explainer):
                maps = tf.nest.map_structure(lambda leaf: _one_row_each(leaf, scores), maps)
        return Explanation(scores, maps)


def _run_traced(run: Step, model: Model, made: dict[Any, Any], inputs: Tensor, targets: Tensor) -> Explanation:
    """Call a step eagerly: trace it for these shapes, once."""
    inputs = tf.nest.map_structure(
        lambda leaf, spec: tf.cast(tf.convert_to_tensor(leaf), spec.dtype), inputs, model.spec
    )
    codes = labels(targets)
    if model.target_function is None:
        check_range(codes, model.class_scores(model.preview).shape[-1])
    arguments = (inputs, tf.constant(codes))
    key = tuple((tuple(leaf.shape), leaf.dtype) for leaf in tf.nest.flatten(arguments))
    if key not in made:
        made[key] = tf.function(run, autograph=False).get_concrete_function(*arguments)
    with running():
        return Explanation(*made[key](*arguments))


def _checked(result: Any, subject: str) -> Explanation:
    """Hold a step to its contract.

    Raises:
        PluginError: It did not give scores [B, T], and maps of floats that end in T.
    """
    if not isinstance(result, tuple) or len(result) != 2:
        raise PluginError(f"{subject} must return Explanation(scores, maps), not {type(result).__name__}.")
    scores, maps = result
    if not tf.is_tensor(scores) or scores.shape.rank != 2:
        raise PluginError(f"{subject} must return scores [B, T], not {_shown(scores)}.")
    for leaf in tf.nest.flatten(maps):
        if not tf.is_tensor(leaf) or not leaf.dtype.is_floating or not (leaf.shape.rank or 3) >= 3:
            raise PluginError(f"{subject} must return maps of floats [B, ..., T], not {_shown(leaf)}.")
        if not leaf.shape[-1:].is_compatible_with(scores.shape[-1:]):
            raise PluginError(
                f"{subject} must return maps [B, ..., T] of the {scores.shape[-1]} targets, not {_shown(leaf)}."
            )
    return Explanation(scores, maps)


def _one_row_each(leaf: Tensor, scores: Tensor) -> Tensor:
    """Hold maps of unknown size to [B, ..., T] while they run: what is built in is tested."""
    ends = tf.stack([tf.shape(leaf)[0], tf.shape(leaf)[-1]])
    told = "maps must be [B, ..., T], a row for each example and a column for each target"
    with tf.control_dependencies([tf.debugging.assert_equal(ends, tf.shape(scores), message=told)]):
        return tf.identity(leaf)


def _shown(value: Any) -> str:
    return f"{value.dtype.name} {shape_text(value.shape)}" if tf.is_tensor(value) else type(value).__name__
