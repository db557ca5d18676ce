"""Steps as a recipe hands them out: placed in the expression, traced even when called eagerly, and checked."""

from typing import Any

from ..errors import PluginError
from .explanation import Explanation, Step, Tensor
from .lazy import tf
from .targets import check_range, labels
from .tracing import Trace, current, operand, tracing
from .view import Model, shape_text


def operand_step(step: Step, index: int) -> Step:
    """Make `step` run as operand `index` of what calls it, so that two levels never draw the same numbers."""

    def run(inputs: Tensor, targets: Tensor, /) -> Explanation:
        with operand(index):
            return step(inputs, targets)

    return run


def bound_step(step: Step, model: Model, text: str) -> Step:
    """Make `step` complete: it takes targets [B] as well as [B, T], and traces itself where it is called eagerly."""
    made: dict[Any, Any] = {}

    def run(inputs: Tensor, targets: Tensor, /) -> Explanation:
        if tf.executing_eagerly():
            return _run_traced(run, model, made, inputs, targets)
        graph = tf.compat.v1.get_default_graph()
        with tracing(current() if current().graph is not None else Trace(graph=graph)):
            targets = tf.convert_to_tensor(targets, tf.int32)
            targets = targets[:, tf.newaxis] if targets.shape.rank == 1 else targets
            return _checked(step(inputs, targets), text)

    return run


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
    return Explanation(*made[key](*arguments))


def _checked(result: Any, text: str) -> Explanation:
    """Hold a step to its contract.

    Raises:
        PluginError: It did not give scores [B, T], and maps of floats that end in T.
    """
    if not isinstance(result, tuple) or len(result) != 2:
        raise PluginError(f"The step of {text} must return Explanation(scores, maps), not {type(result).__name__}.")
    scores, maps = result
    if not tf.is_tensor(scores) or scores.shape.rank != 2:
        raise PluginError(f"The step of {text} must return scores [B, T], not {_shown(scores)}.")
    for leaf in tf.nest.flatten(maps):
        if not tf.is_tensor(leaf) or not leaf.dtype.is_floating or not (leaf.shape.rank or 3) >= 3:
            raise PluginError(f"The step of {text} must return maps of floats [B, ..., T], not {_shown(leaf)}.")
    return Explanation(scores, maps)


def _shown(value: Any) -> str:
    return f"{value.dtype.name} {shape_text(value.shape)}" if tf.is_tensor(value) else type(value).__name__
