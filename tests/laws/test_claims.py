"""What the catalogue claims, checked for every method by the laws of claims, in double precision."""

import numpy as np
import pytest

from tests.laws.test_laws import ATTENTION, PICTURES, TRANSFORMER
from tests.strategies import entries
from xaikit import explain
from xaikit.errors import ModelError
from xaikit.testing import CLAIMED, claims_of

LAW = {law.name: law for law in CLAIMED}
ALIKE = ("eigencam", "attention_rollout")  # the same map for every class, by what they are
ENOUGH = {"samples": 64, "designs": 16, "steps": 60, "segments": 16, "cells": 3}
LACKING = {
    "blur_integrated_gradients": "positions",
    "attention_rollout": "attention",
    "attention_relevance": "attention",
}


def enough(method):
    """Few samples, and as many as the method needs."""
    return method(**{name: value for name, value in ENOUGH.items() if name in method.parameters})


METHODS = {method.name: enough(method) for method in entries("method")}
EVERYWHERE = ("claims", "stochastic", "input-shaped")  # they say something of methods that claim nothing, too
CASES = [(name, law) for name, method in METHODS.items() for law in sorted({*EVERYWHERE, *claims_of(method)})]


@pytest.fixture(scope="module")
def subject(pooled64, images64):
    """A model that a method takes, and two pictures or more."""
    return lambda name: (TRANSFORMER, PICTURES) if METHODS[name] in ATTENTION else (pooled64, images64[:2])


@pytest.mark.parametrize(("name", "law"), CASES)
def test_methods_keep_what_they_claim(name, law, subject):
    LAW[law].check(METHODS[name], *subject(name))


@pytest.mark.parametrize("transformer", entries("transformer"), ids=repr)
def test_transformers_claim_to_draw_where_they_have_a_seed(transformer):
    assert claims_of(transformer) == ({"stochastic"} if "seed" in transformer.parameters else None)


@pytest.mark.parametrize("name", METHODS)
def test_a_declaration_says_what_comes_out_what_it_costs_and_where_it_is_from(name):
    sections = METHODS[name].declaration.docstring.sections

    assert sections["Maps"]
    assert sections["Cost"]
    assert sections["Source"]


@pytest.mark.parametrize("name", ALIKE)
def test_methods_without_a_class_give_the_same_map_for_all(name, subject):
    every = explain(METHODS[name], *subject(name), "all").maps

    assert "class-discriminative" not in claims_of(METHODS[name])
    np.testing.assert_array_equal(every[..., 0], every[..., 1])


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if "needs-layer" not in claims_of(method)])
def test_methods_that_need_no_layer_explain_a_table_or_say_what_it_lacks(name, table, rows):
    if name in LACKING:
        with pytest.raises(ModelError, match=LACKING[name]):
            explain(METHODS[name], table, rows)
    else:
        assert explain(METHODS[name], table, rows).maps.shape == (4, 5, 1)


def test_what_biases_keep_is_what_a_map_lacks(pooled64, images64):
    (method,) = [method for method in METHODS.values() if "complete without biases" in claims_of(method)]

    kept = explain(method, pooled64, images64, details=True).details["completeness_gap"]

    assert np.abs(kept).max() > 1e-3
