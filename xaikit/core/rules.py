"""Backward rules: other gradients for some types of ops, on the graph that is being traced.

A rule reaches an op wherever it is made: in a layer of its own, fused into a convolution, in a function call, in nested
and subclassed models. TensorFlow reads the map when an op is *made*, so the forward pass belongs inside of the block.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeAlias

from ..errors import ModelError
from .explanation import Explanation, Step, Tensor
from .flow import flow
from .gradients import gradient, per_target
from .lazy import tf
from .rectifying import KINDS, rectifying
from .tracing import under_rules
from .view import Model, forward

Rule: TypeAlias = Callable[[Any, Tensor], Tensor]

_registered: dict[Rule, str] = {}


@contextmanager
def backward_rules(**rules: Rule) -> Iterator[None]:
    """Send gradients back through ops of some types by other rules.

    Args:
        **rules: By type of op, such as `Relu=rule`: from the op and the slopes of its output to those of its input.
    """
    names = {kind: _name(rule) for kind, rule in rules.items()}
    with under_rules(names), tf.compat.v1.get_default_graph().gradient_override_map(names):
        yield


def gradients_by(model: Model, **rules: Rule) -> Step:
    """Make the step of a method that is the gradient under other rules.

    Rules of ReLU and ReLU6 alone need no forward pass of their own.

    Args:
        model: The view that `bind` received.
        **rules: As for `backward_rules`.
    """
    chosen = {kind: rule for kind, rule in rules.items() if kind in KINDS}
    others = {kind: rule for kind, rule in rules.items() if kind not in KINDS}

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        with backward_rules(**others) if others else nullcontext():  # the forward pass belongs inside
            scores = forward(model, inputs, targets)
        with rectifying(chosen):  # and so do the gradients
            maps = per_target(lambda score: gradient(score, inputs), scores, like=inputs)
        return Explanation(scores, maps)

    return step


def _name(rule: Rule) -> str:
    """Register a rule with TensorFlow when it is first needed: the register is the process's, and takes a name once."""
    if rule not in _registered:
        name = f"xaikit.{rule.__module__}.{rule.__qualname__}.{len(_registered)}"
        tf.RegisterGradient(name)(rule)
        _registered[rule] = name
    return _registered[rule]


def on_the_way(model: Model) -> list[Any]:
    """List the ops that the scores of a model depend on and that depend on its inputs, in the order of their making."""
    made = model.preview
    leaves = [leaf for leaf in model.score_leaves(made) if leaf.graph is made.graph]
    return flow(made.inputs, leaves).ops if leaves else []


def refuse(model: Model, method: str, kinds: Iterable[str], knows: str) -> None:
    """Refuse a model with an op of which a method has no rule; a plain gradient there would be silently wrong.

    Raises:
        ModelError: It names the first such op, whose name says the layer.
    """
    kinds = set(kinds)
    for op in on_the_way(model):
        if op.type in kinds:
            raise ModelError(
                f"{method} has no rule for {op.type} ({op.name}) of {model.name}; it knows {knows}: use another "
                "method, such as gradients."
            )
