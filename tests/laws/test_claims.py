"""What a method claims in its declaration, checked for every one that claims it."""

import numpy as np
import pytest

from tests.laws.test_laws import ATTENTION, PICTURES, TRANSFORMER
from tests.strategies import entries
from xaikit import explain
from xaikit.errors import ModelError

ALIKE = ("eigencam", "attention_rollout")  # the same map for every class, by what they are
ENOUGH = {"samples": 64, "designs": 16, "steps": 60, "segments": 16, "cells": 3}
KNOWN = {
    "complete",
    "complete in expectation",
    "complete without biases",
    "linear",
    "class-discriminative",
    "stochastic",
    "needs-layer",
    "input-shaped",
}
LACKING = {
    "blur_integrated_gradients": "positions",
    "attention_rollout": "attention",
    "attention_relevance": "attention",
}
METHODS = {method.name: method for method in entries("method")}


def claims(method):
    text = method.declaration.docstring.sections["Claims"].rstrip(".")
    return set() if text == "none" else set(text.split(", "))


def claiming(claim):
    return [method for method in METHODS.values() if claim in claims(method)]


def enough(method):
    """Few samples, and as many as the method needs."""
    return method(**{name: value for name, value in ENOUGH.items() if name in method.parameters})


@pytest.fixture(scope="module")
def explained(pooled64, images64):
    """Explain with a method, once for each question, on a model that it takes."""
    known = {}

    def maps(method, targets="all", **options):
        key = repr(method), repr(targets), repr(options)
        if key not in known:
            model, inputs = (TRANSFORMER, PICTURES) if METHODS[method.name] in ATTENTION else (pooled64, images64[:2])
            known[key] = explain(method, model, inputs, targets, **options)
        return known[key]

    return maps


@pytest.mark.parametrize("name", METHODS)
def test_a_declaration_says_what_it_claims_in_known_words(name):
    assert claims(METHODS[name]) <= KNOWN
    for section in ("Maps", "Cost", "Source"):
        assert METHODS[name].declaration.docstring.sections[section]


def combined(scores):
    return 2 * scores[:, 0] - 0.5 * scores[:, 1]


@pytest.mark.parametrize("method", claiming("linear"), ids=repr)
def test_maps_of_a_linear_method_add_up_as_scores_do(method, explained):
    every = explained(enough(method)).maps
    expected = 2 * every[..., :1] - 0.5 * every[..., 1:2]

    actual = explained(enough(method), combined).maps
    np.testing.assert_allclose(actual, expected, atol=1e-9 * np.abs(every).max())


@pytest.mark.parametrize("method", claiming("class-discriminative"), ids=repr)
def test_a_class_discriminative_method_tells_classes_apart(method, explained):
    every = explained(enough(method)).maps
    first, second = every[..., 0], every[..., 1]

    assert np.abs(first - second).max() > 0.05 * np.abs(every).max()


@pytest.mark.parametrize("name", ALIKE)
def test_methods_without_a_class_give_the_same_map_for_all(name, explained):
    every = explained(METHODS[name]).maps

    assert "class-discriminative" not in claims(METHODS[name])
    np.testing.assert_array_equal(every[..., 0], every[..., 1])


@pytest.mark.parametrize("name", METHODS)
def test_maps_are_of_the_inputs_shape_where_that_is_claimed_and_of_positions_elsewhere(name, explained):
    method = enough(METHODS[name])
    rank = explained(method).maps.ndim
    inputs = 4  # [B, H, W, C]

    assert rank == (inputs + 1 if "input-shaped" in claims(method) else inputs)


@pytest.mark.parametrize("name", METHODS)
def test_stochastic_methods_follow_their_seed_and_the_others_have_none(name, explained):
    method = enough(METHODS[name])
    if "stochastic" not in claims(method):
        assert "seed" not in method.parameters
        return
    first, second = (explained(method(seed=seed), 0).maps for seed in (0, 1))

    assert not np.array_equal(first, second)


@pytest.mark.parametrize("method", claiming("needs-layer"), ids=repr)
def test_methods_that_need_a_layer_refuse_a_table(method, table, rows):
    with pytest.raises(ModelError, match=r"positions|average"):
        explain(method, table, rows)


@pytest.mark.parametrize("name", [name for name in METHODS if "needs-layer" not in claims(METHODS[name])])
def test_the_others_explain_a_table_or_say_what_it_lacks(name, table, rows):
    method = enough(METHODS[name])
    if name in LACKING:
        with pytest.raises(ModelError, match=LACKING[name]):
            explain(method, table, rows)
    else:
        assert explain(method, table, rows).maps.shape == (4, 5, 1)


@pytest.mark.parametrize("method", claiming("complete"), ids=repr)
def test_complete_methods_add_up_and_report_how_far_they_are_from_it(method, explained):
    found = explained(enough(method), details=True)
    gaps = found.details["completeness_gap"]

    assert gaps.shape == found.scores.shape
    assert np.abs(gaps).max() < 0.05 * np.abs(found.scores).max()


@pytest.mark.parametrize("method", claiming("complete in expectation"), ids=repr)
def test_methods_that_are_complete_in_expectation_come_near_it(method, explained):
    few, many = (explained(method(samples=samples), 0, details=True) for samples in (30, 1000))
    gaps = [np.abs(found.details["completeness_gap"]).max() for found in (few, many)]

    assert gaps[1] < 0.1 * np.abs(many.scores).max()
    assert gaps[1] < gaps[0]


def test_what_biases_keep_is_what_a_map_lacks(pooled64, images64):
    (method,) = claiming("complete without biases")
    weights = pooled64.get_weights()
    try:
        pooled64.set_weights([0 * values if values.ndim == 1 else values for values in weights])
        found = explain(method, pooled64, images64, details=True)
    finally:
        pooled64.set_weights(weights)

    np.testing.assert_allclose(found.details["completeness_gap"], 0, atol=1e-4 * np.abs(found.scores).max())
    kept = explain(method, pooled64, images64, details=True).details["completeness_gap"]
    assert np.abs(kept).max() > 1e-3
