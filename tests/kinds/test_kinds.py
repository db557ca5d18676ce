"""Every method on every kind of model: it works, or it says why not."""

import numpy as np
import pytest
import tensorflow as tf

from tests.kinds.kinds import KINDS
from tests.strategies import entries, small
from xaikit import explain
from xaikit.errors import XaikitError
from xaikit.testing.composition import SideBySide

METHODS = {method.name: small(method) for method in entries("method")}
CASES = [(kind, method) for kind in KINDS for method in METHODS]


@pytest.fixture(scope="module", autouse=True)
def unoptimized():
    """Leave the graphs as they are traced: each runs once, and optimising them would take the most of the time."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.fixture(scope="module")
def made():
    known = {}

    def build(kind):
        if kind not in known:
            known.clear()  # one at a time: models and their traces are freed
            known[kind] = KINDS[kind].build()
        return known[kind]

    return build


@pytest.mark.parametrize("kind", KINDS)
def test_methods_explain_every_kind_of_model(kind, made):
    model, inputs = made(kind)
    methods = {name: method for name, method in METHODS.items() if name not in KINDS[kind].refused}
    before = [np.array(variable) for variable in model.variables]
    targets = KINDS[kind].targets
    together = SideBySide(tuple(methods.items()))

    found = explain(together, model, inputs, targets if isinstance(targets, str) else targets())

    for name, maps in found.maps.items():
        leaves = tf.nest.flatten(maps)
        assert all(len(leaf) == 2 and leaf.shape[-1] == 1 for leaf in leaves), name
        assert any(leaf.any() for leaf in leaves), f"{name} says nothing"
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.array(variable))


@pytest.mark.parametrize(
    ("kind", "method"), [(kind, method) for kind, method in CASES if method in KINDS[kind].refused]
)
def test_what_does_not_work_says_why(kind, method, made):
    model, inputs = made(kind)
    targets = KINDS[kind].targets

    with pytest.raises(XaikitError, match=KINDS[kind].refused[method]):
        explain(METHODS[method], model, inputs, targets if isinstance(targets, str) else targets())


def test_the_table_names_methods_that_there_are():
    assert {name for kind in KINDS.values() for name in kind.refused} <= set(METHODS)
