"""Infidelity: an oracle of one perturbation at a time, and its closed forms."""

import keras
import numpy as np
import pytest

from tests.oracles.networks import Pooled
from tests.oracles.removals import drawn_normals
from tests.oracles.weights import settled
from xaikit import gradients, infidelity, input_x_gradient
from xaikit.errors import ModelError, ParameterError


def written_out(score, example, slopes, perturbations, *, scaled=False):
    """The mean square of I.map - (f(x) - f(x - I))."""
    products = np.array([(moved * slopes).sum() for moved in perturbations])
    drops = np.array([score(example) - score(example - moved) for moved in perturbations])
    factor = (products @ drops) / (products @ products) if scaled else 1
    return np.mean((factor * products - drops) ** 2)


@pytest.mark.parametrize("scaled", [False, True])
def test_noise_around_the_input_is_a_share_of_its_range(scaled, pooled64, images64):
    images, maps = images64[:2, :5, :4], np.random.default_rng(3).normal(size=(2, 5, 4, 3, 1))
    network, draws = Pooled(pooled64), drawn_normals(7, [5, 4, 3], seed=2)
    expected = [
        written_out(
            lambda one: network.logits(one[np.newaxis])[0, 1],
            image,
            slopes,
            [-0.3 * np.ptp(image) * draw for draw in draws],
            scaled=scaled,
        )
        for image, slopes in zip(images, maps[..., 0], strict=True)
    ]

    actual = infidelity(samples=7, noise=0.3, scaled=scaled, seed=2)(maps, pooled64, images, 1)

    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_the_way_from_a_noisy_baseline_is_a_perturbation_and_location_maps_count_for_every_channel(pooled64, images64):
    images, maps = images64[:2, :5, :4], np.random.default_rng(3).normal(size=(2, 5, 4, 1))
    network, draws = Pooled(pooled64), drawn_normals(7, [5, 4, 3])
    expected = [
        written_out(
            lambda one: network.logits(one[np.newaxis])[0, 1],
            image,
            slopes,
            [image - (0.5 + 0.2 * np.ptp(image) * draw) for draw in draws],
        )
        for image, slopes in zip(images, maps, strict=True)
    ]

    actual = infidelity(samples=7, perturbation="baseline", noise=0.2, baseline=0.5)(maps, pooled64, images, 1)

    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_of_the_gradients_of_a_linear_score_it_is_0_and_of_no_map_the_mean_square_of_the_drops(linear64, rectangles64):
    measure = infidelity(samples=50)
    slopes = np.asarray(linear64.get_layer("head").kernel)[:, 1]
    expected = (slopes @ slopes) * (0.1 * np.ptp(rectangles64, axis=(1, 2, 3))) ** 2

    nothing = measure(np.zeros((3, 4, 6, 2, 1)), linear64, rectangles64, 1)

    np.testing.assert_allclose(measure(gradients, linear64, rectangles64, 1), 0, atol=1e-12)
    np.testing.assert_allclose(nothing, expected, rtol=0.8)  # 4 standard errors, sqrt(2 / 50) each
    np.testing.assert_allclose(
        infidelity(samples=50, scaled=True)(np.zeros((3, 4, 6, 2, 1)), linear64, rectangles64, 1), nothing
    )


def test_scaled_maps_are_told_apart_by_their_direction_alone(linear64, rectangles64):
    kernel = np.asarray(linear64.get_layer("head").kernel)[:, 1].reshape(4, 6, 2, 1)
    maps = -1e-3 * np.broadcast_to(kernel, (3, 4, 6, 2, 1))

    plain, scaled = (infidelity(samples=9, scaled=each)(maps, linear64, rectangles64, 1) for each in (False, True))

    assert (plain > 0.01).all()
    np.testing.assert_allclose(scaled, 0, atol=1e-12)


def test_whole_numbers_among_several_inputs_stay_and_whole_numbers_alone_are_refused():
    tokens, row = keras.Input((3,), dtype="int32", name="tokens"), keras.Input((4,), dtype="float64", name="row")
    embedded = keras.layers.Flatten(dtype="float64")(keras.layers.Embedding(9, 2, dtype="float64")(tokens))
    joined = keras.layers.Concatenate(dtype="float64")([embedded, row])
    model = settled(keras.Model({"tokens": tokens, "row": row}, keras.layers.Dense(2, dtype="float64")(joined)))
    kernel = np.asarray(model.layers[-1].kernel)
    data = {"tokens": np.array([[1, 2, 3]] * 2), "row": np.random.default_rng(4).normal(size=(2, 4))}
    maps = {"tokens": np.ones((2, 3, 1)), "row": np.broadcast_to(kernel[6:, :1], (2, 4, 1))}

    found = infidelity(samples=5)(maps, model, data, 0)

    np.testing.assert_allclose(found, 0, atol=1e-12)
    alone = settled(keras.Model(tokens, keras.layers.Dense(2)(embedded)))
    with pytest.raises(ModelError, match="takes whole numbers: measure with another metric"):
        infidelity(np.ones((2, 3, 1)), alone, data["tokens"], 0)


def test_no_perturbation_is_refused(linear64, rectangles64):
    with pytest.raises(ParameterError, match="noise must be more than 0"):
        infidelity(noise=0.0)(input_x_gradient, linear64, rectangles64, 1)
