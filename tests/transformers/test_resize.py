"""resize: maps at the input's positions."""

import numpy as np
import pytest

from tests.oracles import grids
from tests.oracles.explainers import coarse, constant
from xaikit import explain, gradcam, gradients, resize


@pytest.mark.parametrize(
    ("model", "inputs"), [("pooled", "images"), ("series", "waves"), ("volumes", "blocks")], ids=["2-D", "1-D", "3-D"]
)
@pytest.mark.parametrize("explainer", [gradcam, coarse], ids=str)
def test_location_maps_are_brought_to_the_inputs_positions_linearly(explainer, model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    raw = explain(explainer, model, inputs, [[0, 1]] * len(inputs)).maps
    expected = grids.each(raw, inputs.shape[1:-1])

    actual = explain(resize(explainer), model, inputs, [[0, 1]] * len(inputs)).maps

    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "area", "lanczos3"])
def test_a_constant_stays_that_constant(method, pooled, images):
    maps = explain(resize(constant(value=2.0, located=True), method=method), pooled, images).maps

    np.testing.assert_allclose(maps, 2, rtol=1e-6)


def test_maps_at_the_inputs_positions_are_left_as_they_are(pooled, images):
    expected = explain(constant(located=True), pooled, images).maps

    actual = explain(resize(constant(located=True)), pooled, images).maps

    np.testing.assert_array_equal(actual, expected)


def test_input_shaped_maps_pass(pooled, images):
    expected = explain(gradients, pooled, images).maps

    actual = explain(resize(gradients), pooled, images).maps

    np.testing.assert_array_equal(actual, expected)


def test_maps_of_tables_pass(table, rows):
    expected = explain(gradients, table, rows).maps

    actual = explain(resize(gradients), table, rows).maps

    np.testing.assert_array_equal(actual, expected)


def test_each_new_position_of_the_nearest_method_is_one_of_the_old_values(pooled, images):
    raw = explain(gradcam, pooled, images).maps

    maps = explain(resize(gradcam, method="nearest"), pooled, images).maps

    np.testing.assert_array_equal(maps, raw.repeat(2, axis=1).repeat(2, axis=2))
