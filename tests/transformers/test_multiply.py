"""multiply: the product of two maps on a common grid."""

import keras
import numpy as np
import pytest

from tests.oracles import grids
from tests.oracles.counting import RowsOf
from tests.oracles.explainers import constant, echo
from tests.oracles.weights import settled
from xaikit import absolute, explain, find, gradcam, gradients, multiply, over_channels, positive, smooth
from xaikit.errors import ModelError, UsageError

TWO = [[0, 1]] * 5


@pytest.fixture(scope="module")
def twins():
    """A model of two pictures of one size, and one of its feature layers."""
    inputs = [keras.Input((6, 6, 2), name=name) for name in ("left", "right")]
    joined = keras.layers.Concatenate()(inputs)
    features = keras.layers.Conv2D(3, 3, strides=2, activation="relu", name="conv")(joined)
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(features))
    return settled(keras.Model(inputs, outputs))


@pytest.mark.parametrize("other", [gradients, echo], ids=str)
def test_a_location_map_is_resized_and_counts_for_every_channel(other, pooled64, images64):
    located = grids.each(explain(gradcam, pooled64, images64, TWO).maps, (8, 8))
    expected = located[:, :, :, np.newaxis] * explain(other, pooled64, images64, TWO).maps

    actual = explain(multiply(gradcam, other), pooled64, images64, TWO).maps

    assert actual.shape == (5, 8, 8, 3, 2)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_the_order_of_the_two_does_not_matter(pooled, images):
    expected = explain(multiply(gradcam, gradients), pooled, images).maps

    actual = explain(multiply(gradients, gradcam), pooled, images).maps

    np.testing.assert_array_equal(actual, expected)


def test_location_maps_on_one_grid_are_not_resized(pooled64, images64):
    expected = explain(gradcam, pooled64, images64).maps ** 2

    actual = explain(multiply(gradcam, gradcam), pooled64, images64).maps

    assert actual.shape == (5, 4, 4, 1)
    np.testing.assert_array_equal(actual, expected)


def test_location_maps_on_different_grids_meet_at_the_inputs_positions(pooled64, images64):
    fine = explain(over_channels(gradients, how="sum"), pooled64, images64, 1).maps
    expected = grids.each(explain(gradcam, pooled64, images64, 1).maps, (8, 8)) * fine

    actual = explain(multiply(gradcam, over_channels(gradients, how="sum")), pooled64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize(("model", "inputs"), [("table", "rows"), ("series", "waves"), ("volumes", "blocks")])
def test_inputs_of_any_rank_have_products(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    expected = explain(gradients, model, inputs, 1).maps * explain(echo, model, inputs, 1).maps

    actual = explain(multiply(gradients, echo), model, inputs, 1).maps

    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_series_and_volumes_have_their_location_maps_resized(series, waves):
    expected = np.repeat(grids.each(explain(gradcam, series, waves, 1).maps, (9,))[:, :, np.newaxis], 2, axis=2)

    actual = explain(multiply(gradcam, constant), series, waves, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_ones_change_nothing(pooled, images):
    expected = explain(gradients, pooled, images).maps

    actual = explain(multiply(gradients, constant(located=True)), pooled, images).maps

    np.testing.assert_array_equal(actual, expected)


def test_the_scores_are_those_of_the_clean_input(pooled, images):
    expected = explain(gradients, pooled, images).scores

    actual = explain(multiply(smooth(gradcam, repetitions=2), gradients), pooled, images).scores

    np.testing.assert_array_equal(actual, expected)


def test_the_clean_input_runs_once_for_both():
    counting = RowsOf()

    once = counting.counted(
        lambda: explain(multiply(gradcam, gradients), counting.model, counting.images, 1, batch_size=6)
    )
    copies = counting.counted(
        lambda: explain(
            multiply(gradcam, smooth(gradients, repetitions=3)), counting.model, counting.images, 1, batch_size=6
        )
    )

    assert sum(once) == 6
    assert sum(copies) == 6 * (1 + 3)


def test_neither_batches_nor_neighbours_change_a_map(pooled, images):
    expected = explain(multiply(gradcam, gradients), pooled, images, 1, batch_size=5).maps

    actual = explain(multiply(gradcam, gradients), pooled, images, 1, batch_size=2).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6 * np.abs(expected).max())


def test_attributions_of_several_inputs_are_multiplied_each_by_its_own(twins):
    inputs = [np.random.default_rng(seed).normal(size=(2, 6, 6, 2)).astype("float32") for seed in (1, 2)]
    first, second = (explain(e, twins, inputs, 0).maps for e in (gradients, absolute(gradients)))
    expected = [a * b for a, b in zip(first, second, strict=True)]

    actual = explain(multiply(gradients, absolute(gradients)), twins, inputs, 0).maps

    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_location_maps_of_one_grid_need_no_input_to_lie_on(twins):
    inputs = [np.ones((2, 6, 6, 2), "float32")] * 2
    expected = explain(gradcam, twins, inputs, 0).maps ** 2

    actual = explain(multiply(gradcam, gradcam), twins, inputs, 0).maps

    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_a_location_map_and_attributions_of_several_inputs_are_refused(twins):
    with pytest.raises(ModelError, match="several inputs, and these maps do not lie on the same ones"):
        explain(multiply(gradcam, gradients), twins, [np.ones((2, 6, 6, 2), "float32")] * 2, 0)


def test_a_location_map_and_an_attribution_of_the_one_input_in_a_dict_are_multiplied():
    inputs = {"picture": keras.Input((6, 6, 2), name="picture")}
    features = keras.layers.Conv2D(3, 3, activation="relu")(inputs["picture"])
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(features))))

    maps = explain(multiply(gradcam, gradients), model, {"picture": np.ones((2, 6, 6, 2), "float32")}, 0).maps

    assert maps["picture"].shape == (2, 6, 6, 2, 1)


def test_it_reads_back_as_it_is_written():
    explainer = multiply(positive(gradcam), smooth(gradients, repetitions=3))

    assert repr(explainer) == "multiply(positive(gradcam), smooth(gradients, repetitions=3))"
    assert find(repr(explainer)) == explainer


@pytest.mark.parametrize("operands", [(gradcam,), (gradcam, gradients, echo)], ids=len)
def test_it_takes_two_explainers(operands):
    with pytest.raises(UsageError, match=f"'multiply' takes 2 explainers, not {len(operands)}"):
        multiply(*operands)
