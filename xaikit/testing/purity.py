"""The user's model, arrays and generators are as they were."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..core import Explainer, Explanation, Model, Step, Tensor, tf
from ..core.steps import bound
from ..engine.compiled import forget
from .law import explained


class _Injected(Exception):
    """Thrown into a step."""


@dataclass(frozen=True)
class _Failing:
    """An explainer whose step fails: in the middle of a forward pass, or once all the work was traced."""

    explainer: Explainer
    inside: bool

    def bind(self, model: Model, /) -> Step:
        last = model.preview.calls[-1:]  # none, where a model is made of no layers
        running: list[bool] = []

        def fail(features: Tensor) -> Tensor:
            if running:
                raise _Injected
            return features

        faults = {(call.path, call.number): fail for call in last if self.inside}
        step = bound(self.explainer, model.changed(writes={**(model.writes or {}), **faults}))

        def failing(inputs: Tensor, targets: Tensor, /) -> Explanation:
            running.append(True)
            step(inputs, targets)
            raise _Injected

        return failing


def pure(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check that a run changes nothing but its result.

    The model's variables (weights, statistics, seeds), its layers' attributes and their `call`, the caller's arrays,
    and the global generators of Python, NumPy and TensorFlow. It seeds TensorFlow's, to see whether that moves.
    """
    forget(model)  # so that it is traced, which is when a model could be patched
    unchanged(lambda: explained(explainer, model, inputs), model, inputs)


def pure_after_an_exception(explainer: Explainer, model: Any, inputs: Any) -> None:
    """Check the same of a run that failed inside of the model, and of one that failed at the end."""
    for inside in (True, False):
        unchanged(partial(_fail, _Failing(explainer, inside), model, inputs), model, inputs)


def _fail(explainer: Explainer, model: Any, inputs: Any) -> None:
    with contextlib.suppress(_Injected):
        explained(explainer, model, inputs)
        raise AssertionError("the injected exception was swallowed")


def unchanged(run: Callable[[], object], model: Any, inputs: Any) -> None:
    """Check that a run changes neither the model, nor the arrays of `inputs`, nor the global generators.

    It seeds TensorFlow's.
    """
    before = _state(model, inputs)
    tf.random.set_seed(0)
    expected = tf.random.uniform([4]).numpy()
    tf.random.set_seed(0)
    run()
    assert np.array_equal(tf.random.uniform([4]), expected), "TensorFlow's global generator was used or seeded"
    _compare(before, _state(model, inputs))


@dataclass(frozen=True)
class _State:
    """What a run could change, by name."""

    attributes: dict[str, Any]
    variables: dict[str, Any]
    arrays: list[Any]
    generators: dict[str, Any]


def _state(model: Any, inputs: Any) -> _State:
    layers = list(model._flatten_layers(include_self=True, recursive=True))
    attributes = {
        f"{layer.name}.{name} (layer {place})": id(value)
        for place, layer in enumerate(layers)
        for name, value in layer.__dict__.items()
        if name != "_called"  # Keras notes by it that a layer was called, as it does in `predict`
    }
    attributes |= {f"{layer.name}.trainable (layer {place})": layer.trainable for place, layer in enumerate(layers)}
    variables = {
        f"{variable.path} (variable {place})": np.array(variable.numpy())
        for place, variable in enumerate(model.variables)
    }
    generators = {"Python's": repr(random.getstate()), "NumPy's": repr(np.random.get_state())}
    return _State(attributes, variables, [np.array(leaf) for leaf in tf.nest.flatten(inputs)], generators)


def _compare(before: _State, after: _State) -> None:
    for subject, old, new in (
        ("attribute", before.attributes, after.attributes),
        ("variable", before.variables, after.variables),
        ("global generator", before.generators, after.generators),
    ):
        added, gone = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
        assert not added, f"a run left the {subject} {added[0]}"
        assert not gone, f"a run removed the {subject} {gone[0]}"
        changed = [name for name in old if not np.array_equal(old[name], new[name])]
        assert not changed, f"a run changed the {subject} {changed[0]}"
    for i, (one, other) in enumerate(zip(before.arrays, after.arrays, strict=True)):
        assert np.array_equal(one, other), f"a run changed the caller's input array {i}"
