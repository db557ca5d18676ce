"""Gradients of ReLU that are chosen when they are asked for: one forward pass serves plain ones and rules alike.

TensorFlow reads the name of an op's gradient when the op is made, and calls the function of that name when a gradient
is asked for. Every forward pass is made under our names; our functions then look at which rules are in force.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from .explanation import Tensor
from .lazy import tf
from .tracing import current, tracing

# Each type of op with its own gradient, as TensorFlow has it.
_PLAIN: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "Relu": lambda op, slopes: tf.raw_ops.ReluGrad(gradients=slopes, features=op.outputs[0]),
    "Relu6": lambda op, slopes: tf.raw_ops.Relu6Grad(gradients=slopes, features=op.outputs[0]),
}
KINDS = frozenset(_PLAIN)


def open_to_rules() -> AbstractContextManager[None]:
    """Make ops in the current graph whose gradients are chosen later; those of other rules in force stay theirs."""
    taken = {kind for kind, _ in current().rules}
    names = {kind: name for kind, name in _names().items() if kind not in taken}
    made: AbstractContextManager[None] = tf.compat.v1.get_default_graph().gradient_override_map(names)
    return made


@contextmanager
def rectifying(rules: Mapping[str, Callable[[Any, Tensor], Tensor]]) -> Iterator[None]:
    """Have gradients that are asked for inside go through ReLUs by rules, from (op, slopes of its output)."""
    with tracing(replace(current(), rectifiers=rules)):
        yield


@cache
def _names() -> dict[str, str]:
    """Register our gradients with TensorFlow, once: the register is the process's, and takes a name once."""
    names = {kind: f"xaikit.chosen.{kind}" for kind in _PLAIN}
    for kind, name in names.items():
        tf.RegisterGradient(name)(_chosen(kind))
    return names


def _chosen(kind: str) -> Callable[[Any, Tensor], Tensor]:
    def slopes_of(op: Any, slopes: Tensor) -> Tensor:
        return current().rectifiers.get(kind, _PLAIN[kind])(op, slopes)

    return slopes_of
