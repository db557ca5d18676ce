"""The suites: where it is known what a right explanation says, right explanations say it."""

import numpy as np
import pytest
import tensorflow as tf

from xaikit import find
from xaikit.core import Explanation, forward, method
from xaikit.errors import ModelError, ParameterError, UnknownName, UsageError
from xaikit.evaluation.suites import SUITES, suite
from xaikit.evaluation.suites.catalogue import CHEAPER, catalogue
from xaikit.evaluation.suites.references import random
from xaikit.registry import registry


@pytest.fixture(scope="module")
def shapes():
    return suite("shapes", count=32)


@pytest.fixture(scope="module")
def found(shapes):
    explainers = ["lrp(rule='epsilon_plus')", "integrated_gradients(steps=8)"]
    return shapes.evaluate(explainers, metrics=["relevance_mass"])


def test_on_shapes_relevance_lies_on_the_shape_in_the_known_order(shapes, found):
    column = "shapes: relevance_mass"
    means = {name: found[name, column].mean for name in found.explainers}
    area = shapes.parts["shapes"].masks.mean()

    assert found.ranked(column) == ["lrp(rule='epsilon_plus')", "integrated_gradients(steps=8)", "random"]
    assert means["lrp(rule='epsilon_plus')"] > means["integrated_gradients(steps=8)"] + 0.1
    assert means["integrated_gradients(steps=8)"] > means["random"] + 0.1
    assert means["random"] == pytest.approx(area, abs=0.02)


def test_a_shortcut_is_taken_and_explanations_reveal_it(shapes, found):
    part = shapes.parts["shortcut"]
    plain = shapes.parts["shapes"]
    column = "shortcut: relevance_mass"

    said = part.model.predict(part.inputs, verbose=0).argmax(axis=1)
    as_before = part.model.predict(plain.inputs, verbose=0)
    np.testing.assert_array_equal(said, part.targets)
    np.testing.assert_allclose(as_before, plain.model.predict(plain.inputs, verbose=0), atol=1e-5)
    for name in ("lrp(rule='epsilon_plus')", "integrated_gradients(steps=8)"):
        assert found[name, column].mean > 0.35
    assert found["lrp(rule='epsilon_plus')", column].mean > 0.85
    assert found["random", column].mean == pytest.approx(part.masks.mean(), abs=0.002)


def test_on_the_disconnected_grid_relevance_elsewhere_is_zero():
    made = suite("grid")
    explainers = ["gradients", "integrated_gradients(steps=2)", "lrp", "occlusion(patch=4, stride=4)"]

    found = made.evaluate(explainers, metrics=["relevance_mass"])

    for name in explainers:
        np.testing.assert_allclose(found[name, "relevance_mass"].values, 1.0, atol=1e-6)
    assert found["random", "relevance_mass"].mean == pytest.approx(0.25, abs=0.02)


def test_closed_forms_are_reached_by_those_who_claim_them():
    found = suite("closed-form", count=6).evaluate(["deeplift", "integrated_gradients(steps=16)", "gradients"])

    for part in ("linear", "kinked", "smooth"):
        column = f"{part}: deviation"
        for name in ("deeplift", "integrated_gradients(steps=16)"):
            assert found[name, column].mean < 1e-7
        assert "does not claim to be complete" in found.errors["gradients", column]
    with pytest.raises(ModelError, match="does not claim"):
        suite("closed-form").evaluate("gradients")


@method
def halves(model):
    """Give half of what input times weight would.

    Claims: complete.
    """

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        return Explanation(scores, tf.gradients(scores, inputs)[0][..., tf.newaxis] * inputs[..., tf.newaxis] / 2)

    return step


class Plain:
    """An explainer of somebody else's, without a declaration."""

    def bind(self, model):
        return halves.bind(model)

    def __repr__(self):
        return "plain"


def test_an_explainer_of_somebody_else_s_is_scored_too():
    found = suite("closed-form", count=6).evaluate([halves, Plain()])

    assert found["halves", "linear: deviation"].mean == pytest.approx(0.5)
    assert found["plain", "linear: deviation"].mean == pytest.approx(0.5)
    with pytest.raises(UsageError, match="'random' is a reference of the suite"):
        suite("grid").evaluate({"random": "gradients"})


def test_digits_are_learned_and_random_pixels_tell_little():
    made = suite("digits", count=60)
    part = made.parts["digits"]
    state = np.random.get_state()[1].tolist()

    found = made.evaluate(["integrated_gradients(steps=8)"], metrics=["deletion(steps=8)", "insertion(steps=8)"])

    from sklearn.datasets import load_digits

    labels = load_digits().target[1400:1460]
    assert (part.model.predict(part.inputs, verbose=0).argmax(axis=1) == labels).mean() > 0.9
    assert found["integrated_gradients(steps=8)", "deletion"].mean < 0.2
    assert found["random", "deletion"].mean > 0.4
    assert found["integrated_gradients(steps=8)", "insertion"].mean > found["random", "insertion"].mean + 0.15
    assert np.random.get_state()[1].tolist() == state


def test_by_default_the_whole_catalogue_is_scored_and_what_is_cheaper_says_so():
    methods = [entry for entry in registry().catalogue.values() if entry.kind == "method"]

    every = catalogue({"occlusion": {"patch": 4}})

    assert len(every) == len(methods)
    assert CHEAPER.keys() <= {entry.name for entry in methods}
    assert all(find(text) == value for text, value in every.items())
    assert "rise(samples=500)" in every
    assert "occlusion(patch=4)" in every


def test_random_says_the_same_for_each_example_and_has_no_name_in_the_catalogue(pooled, images):
    from xaikit import explain

    maps = explain(random, pooled, images, "top2").maps

    assert maps.shape == (5, 8, 8, 2)
    assert 0 <= maps.min() < maps.max() < 1
    assert (maps == maps[:1, ..., :1]).all()
    assert explain(random(seed=1), pooled, images).maps[0, 0, 0, 0] != maps[0, 0, 0, 0]
    with pytest.raises(UnknownName):
        find("random")


def test_a_wrong_suite_is_refused():
    with pytest.raises(UnknownName, match=r"no suite named 'shape'\. Did you mean 'shapes'"):
        suite("shape")
    with pytest.raises(ParameterError, match="count must be at least 2, not 1"):
        suite("grid", count=1)
    assert set(SUITES) == {"shapes", "grid", "closed-form", "digits"}
