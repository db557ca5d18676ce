"""Integrated gradients: what is known of them in closed form, for every quadrature."""

import keras
import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.functions import model_of, way_of
from tests.oracles.networks import Pooled
from tests.oracles.weights import settled
from xaikit import explain, find, input_x_gradient, integrated_gradients
from xaikit.errors import InputError, ParameterError

QUADRATURES = ("gauss_legendre", "trapezoid", "midpoint", "left", "right")


@pytest.fixture(scope="module")
def biasless64():
    """Two convolutions with ReLU, pooling, a linear head, and no bias: every ReLU rests at an input of zeros."""
    options = {"use_bias": False, "dtype": "float64"}
    inputs = keras.Input((None, None, 3), dtype="float64")
    hidden = keras.layers.Conv2D(4, 3, activation="relu", **options)(inputs)
    features = keras.layers.Conv2D(5, 3, activation="relu", **options)(hidden)
    pooled = keras.layers.GlobalAveragePooling2D(dtype="float64")(features)
    return settled(keras.Model(inputs, keras.layers.Dense(3, **options)(pooled)))


@pytest.fixture(scope="module")
def smooth64():
    """A convolution with tanh: no kinks, so that quadratures reach their own order."""
    inputs = keras.Input((8, 8, 3), dtype="float64")
    features = keras.layers.Conv2D(4, 3, activation="tanh", dtype="float64")(inputs)
    flat = keras.layers.Flatten(dtype="float64")(features)
    return settled(keras.Model(inputs, keras.layers.Dense(2, dtype="float64")(flat)), scale=0.2)


@pytest.fixture(scope="module")
def exponential():
    """f = exp(x)"""
    return model_of(keras.ops.exp, 1)


@pytest.fixture(scope="module")
def counting():
    return RowsOf()


def written(oracle, inputs, target, baseline, shares, weights):
    """Equation 3 of the paper, with the slopes of the chain rule."""
    way = inputs - baseline
    points = zip(shares, weights, strict=True)
    return way * sum(weight * oracle.slopes(baseline + share * way, target) for share, weight in points)


@pytest.mark.parametrize("quadrature", QUADRATURES)
def test_of_a_linear_score_the_map_is_the_weights_times_the_way(quadrature, linear64, rectangles64):
    weights = linear64.get_layer("head").kernel.numpy().reshape(4, 6, 2, 3)
    expected = (rectangles64 - 0.5)[..., np.newaxis] * weights
    explainer = integrated_gradients(steps=7, baseline=0.5, quadrature=quadrature)

    actual = explain(explainer, linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


POINTS = {
    "gauss_legendre": ([0.5 - np.sqrt(0.15), 0.5, 0.5 + np.sqrt(0.15)], [5 / 18, 4 / 9, 5 / 18]),
    "trapezoid": ([0, 1 / 3, 2 / 3, 1], [1 / 6, 1 / 3, 1 / 3, 1 / 6]),
    "midpoint": ([1 / 6, 1 / 2, 5 / 6], [1 / 3] * 3),
    "left": ([0, 1 / 3, 2 / 3], [1 / 3] * 3),
    "right": ([1 / 3, 2 / 3, 1], [1 / 3] * 3),
}


@pytest.mark.parametrize("quadrature", QUADRATURES)
def test_the_map_is_the_way_times_the_weighed_slopes_on_it(quadrature, pooled64, images64):
    oracle = Pooled(pooled64)
    expected = [written(oracle, images64, target, -0.3, *POINTS[quadrature]) for target in (2, 0)]
    explainer = integrated_gradients(steps=3, baseline=-0.3, quadrature=quadrature)

    actual = explain(explainer, pooled64, images64, [[2, 0]] * 5).maps

    np.testing.assert_allclose(actual, np.stack(expected, axis=-1), atol=1e-12)


@pytest.mark.parametrize(
    ("quadrature", "share"),
    [("gauss_legendre", 1), ("midpoint", 1), ("right", 1), ("left", 1 - 1 / 10), ("trapezoid", 1 - 1 / 20)],
)
def test_without_biases_it_is_input_times_gradient_less_what_an_end_point_loses(
    quadrature, share, biasless64, images64
):
    expected = share * explain(input_x_gradient, biasless64, images64, 1).maps

    actual = explain(integrated_gradients(steps=10, quadrature=quadrature), biasless64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


ERRORS = {  # of exp over [0, 1], with their sign and the order in which they fall
    ("midpoint", 10): -7.16e-4,
    ("midpoint", 20): -1.79e-4,
    ("trapezoid", 10): 1.432e-3,
    ("trapezoid", 20): 3.58e-4,
    ("left", 10): -8.448e-2,
    ("left", 20): -4.260e-2,
    ("right", 10): 8.734e-2,
}


@pytest.mark.parametrize(("quadrature", "steps"), ERRORS)
def test_the_error_of_a_quadrature_is_its_own(quadrature, steps, exponential):
    expected = ERRORS[quadrature, steps]
    explainer = integrated_gradients(steps=steps, quadrature=quadrature)

    actual = explain(explainer, exponential, np.ones((1, 1))).maps.sum() - (np.e - 1)

    np.testing.assert_allclose(actual, expected, rtol=2e-3)


def test_five_gauss_legendre_nodes_are_exact_to_twelve_digits(exponential):
    actual = explain(integrated_gradients(steps=5), exponential, np.ones((1, 1))).maps.sum()

    assert abs(actual - (np.e - 1)) < 1e-12


def test_n_gauss_legendre_nodes_integrate_polynomials_of_degree_2n_minus_1():
    model = model_of(lambda x: x**6, 1)  # its gradient is of degree 5

    maps = explain(integrated_gradients(steps=3), model, np.array([[2.0]])).maps

    np.testing.assert_allclose(maps, [[[64.0]]], rtol=1e-12)


@pytest.mark.parametrize(
    ("quadrature", "baseline", "tolerance"),
    [
        *[("gauss_legendre", baseline, 1e-6) for baseline in (0.3, "mean", "blur", "uniform")],
        ("midpoint", 0.3, 1e-3),
        ("trapezoid", 0.3, 2e-3),
        ("left", 0.3, 0.1),
        ("right", 0.3, 0.1),
    ],
)
def test_a_map_adds_up_to_the_score_less_that_of_the_baseline(quadrature, baseline, tolerance, smooth64, images64):
    start = images64 - explain(way_of(baseline), smooth64, images64).maps[..., 0]
    expected = (smooth64.predict(images64, verbose=0) - smooth64.predict(start, verbose=0))[:, 1]
    explainer = integrated_gradients(steps=50, baseline=baseline, quadrature=quadrature)

    actual = explain(explainer, smooth64, images64, 1).maps.sum(axis=(1, 2, 3, 4))

    np.testing.assert_allclose(actual, expected, atol=tolerance)


@pytest.mark.parametrize(
    ("function", "example", "expected"),
    [
        (lambda a, b: a * b, (3, 2), (3, 3)),
        (lambda a, b, c: a * b * c, (3, 2, 4), (8, 8, 8)),
        (lambda a, b: keras.ops.maximum(a, b), (3, 2), (3, 0)),
        (lambda a, b: 2 * a**2 + b**2, (3, 3), (18, 9)),
        (lambda a, b: (2 * a + b) ** 2, (3, 3), (54, 27)),
        (lambda a, b: keras.ops.exp(a + b), (0.4, 0.4), ((np.exp(0.8) - 1) / 2,) * 2),
    ],
    ids=["product", "three factors", "maximum", "squares", "square of a sum", "symmetric"],
)
def test_closed_forms(function, example, expected):
    maps = explain(integrated_gradients, model_of(function, len(example)), np.array([example], "float64")).maps

    np.testing.assert_allclose(maps[0, :, 0], expected, atol=1e-9)


def test_a_saturated_unit_that_made_the_score_gets_the_score():
    model = model_of(lambda x: 1 - keras.ops.relu(1 - x), 1)

    scores, maps = explain(integrated_gradients(quadrature="midpoint"), model, np.array([[2.0]]))

    np.testing.assert_allclose(scores, [[1.0]])
    np.testing.assert_allclose(maps, [[[1.0]]])


def test_an_unused_input_gets_exactly_nothing():
    model = model_of(lambda a, b: keras.ops.exp(a) + keras.ops.zeros_like(b) * b, 2)

    assert explain(integrated_gradients(steps=3), model, np.array([[1.0, 7.0]])).maps[0, 1, 0] == 0


def test_another_unit_of_the_input_changes_nothing(pooled64, images64):
    expected = explain(integrated_gradients(steps=5), pooled64, images64, 1).maps
    layer = pooled64.get_layer("conv1")
    before = layer.kernel.numpy()
    try:
        layer.kernel.assign(before * 255)
        actual = explain(integrated_gradients(steps=5), pooled64, images64 / 255, 1).maps
    finally:
        layer.kernel.assign(before)

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_another_zero_of_the_input_changes_nothing_if_and_only_if_the_baseline_moves_too(flattened64):
    inputs = np.random.default_rng(6).normal(size=(2, 6, 6, 2))
    expected = explain(integrated_gradients(steps=5), flattened64, inputs, 1).maps
    layer = flattened64.get_layer("conv")
    kernel, bias = (np.asarray(values) for values in layer.get_weights())
    try:
        layer.bias.assign(bias - 3 * kernel.sum(axis=(0, 1, 2)))
        moved, stayed = (
            explain(integrated_gradients(steps=5, baseline=baseline), flattened64, inputs + 3, 1).maps
            for baseline in (3.0, 0.0)
        )
    finally:
        layer.bias.assign(bias)

    np.testing.assert_allclose(moved, expected, atol=1e-12)
    assert np.abs(stayed - expected).max() > 0.1


def test_an_array_is_a_baseline(linear64, rectangles64):
    baseline = np.random.default_rng(8).normal(size=(4, 6, 2))
    weights = linear64.get_layer("head").kernel.numpy().reshape(4, 6, 2, 3)
    expected = (rectangles64 - baseline)[..., np.newaxis] * weights

    actual = explain(integrated_gradients(steps=2, baseline=baseline), linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize(("quadrature", "points"), [("gauss_legendre", 4), ("trapezoid", 5), ("left", 4)])
def test_the_model_sees_each_point_and_the_clean_input_once_and_never_more_than_the_budget(
    quadrature, points, counting
):
    explainer = integrated_gradients(steps=4, quadrature=quadrature)
    for budget in (1, 6, 64):
        seen = counting.counted(
            lambda budget=budget: explain(explainer, counting.model, counting.images, "all", batch_size=budget)
        )

        assert sum(seen) == 6 * (points + 1)
        assert max(seen) <= budget


def test_a_batch_with_room_left_takes_several_points_at_a_time(counting):
    explainer = integrated_gradients(steps=10)

    seen = counting.counted(lambda: explain(explainer, counting.model, counting.images[:1], 1, batch_size=6))

    assert sorted(seen) == [1, 4, 6]


@pytest.mark.parametrize("baseline", [0.0, "uniform"])
def test_neither_budget_nor_neighbours_change_a_map(baseline, linear64, rectangles64):
    explainer = integrated_gradients(steps=7, baseline=baseline)
    expected = explain(explainer, linear64, rectangles64, "all", batch_size=1).maps

    for budget in (2, 3, 10, 64):
        actual = explain(explainer, linear64, rectangles64, "all", batch_size=budget).maps
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize(("model", "inputs"), [("table", "rows"), ("series", "waves"), ("volumes", "blocks")])
def test_inputs_of_any_rank_are_explained(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    maps = explain(integrated_gradients(steps=2), model, inputs, [[0, 2]] * len(inputs)).maps

    assert maps.shape == (*inputs.shape, 2)


def test_every_input_of_a_model_has_its_own_map():
    inputs = {name: keras.Input((2,), name=name, dtype="float64") for name in ("first", "second")}
    product = keras.layers.Lambda(
        lambda both: keras.ops.sum(both["first"] * both["second"], axis=1, keepdims=True),
        output_shape=(1,),
        dtype="float64",
    )(inputs)
    data = {"first": np.array([[1.0, 2.0]]), "second": np.array([[3.0, 4.0]])}
    expected = np.array([[[1.5], [4.0]]])  # half of each product

    maps = explain(integrated_gradients(steps=3), keras.Model(inputs, product), data).maps

    np.testing.assert_allclose(maps["first"], expected, atol=1e-12)
    np.testing.assert_allclose(maps["second"], expected, atol=1e-12)


def test_half_precision_models_give_float32_maps(halved, images):
    assert explain(integrated_gradients(steps=2), halved, images).maps.dtype == np.float32


def test_the_baseline_is_noted(linear64, rectangles64):
    assert explain(integrated_gradients(steps=2), linear64, rectangles64, 0).notes["baseline"] == "0.0"


def test_defaults_are_left_out_and_the_rest_reads_back(tmp_path):
    path = str(tmp_path / "grey.npy")
    np.save(path, np.full((4, 6, 2), 0.5))
    explainer = integrated_gradients(steps=9, baseline=path, quadrature="left")

    assert repr(integrated_gradients(steps=50, baseline=0, quadrature="gauss_legendre")) == "integrated_gradients"
    assert find(repr(explainer)) == explainer
    assert integrated_gradients(baseline=np.full((4, 6, 2), 0.5)) == integrated_gradients(baseline=path)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"quadrature": "simpson"}, "quadrature must be 'gauss_legendre', .* or 'right', not 'simpson'"),
        ({"baseline": "median"}, "'mean', 'blur' or 'uniform'.*not 'median'"),
        ({"baseline": float("nan")}, "baseline must be a finite number"),
    ],
)
def test_what_is_no_parameter_is_refused(parameters, message):
    with pytest.raises(ParameterError, match=message):
        integrated_gradients(**parameters)


def test_several_examples_are_no_baseline(linear64):
    with pytest.raises(ParameterError, match=r"one example, \(4, 6, 2\), not \(3, 4, 6, 2\)"):
        integrated_gradients(baseline=np.zeros((3, 4, 6, 2))).bind(linear64)


def test_whole_numbers_are_refused_with_a_way_out():
    inputs = keras.Input((4,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(10, 3)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(embedded)))

    with pytest.raises(InputError, match="int32 and cannot be differentiated: use a perturbation method"):
        explain(integrated_gradients, model, np.zeros((2, 4), "int32"))
