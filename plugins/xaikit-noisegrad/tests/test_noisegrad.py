"""NoiseGrad: every draw seen through an explainer that shows the weights, and averages in closed form."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from xaikit import explain, find, gradcam, gradients, method, randomized, smooth
from xaikit.core import Explanation, forward, learned_weights
from xaikit.errors import ModelError
from xaikit.registry import registry
from xaikit.testing import LAWS, parametrize_with_checks, sample_inputs, sample_model

noisegrad = pytest.importorskip("xaikit_noisegrad", reason="pip install -e plugins/xaikit-noisegrad").noisegrad


def linear(kernel):
    """s = x kernel, without a bias."""
    features, classes = kernel.shape
    model = keras.Sequential([keras.Input((features,)), keras.layers.Dense(classes, use_bias=False)])
    model.set_weights([kernel])
    return model


@method
def weights_seen(model):
    """Show the learned weights that the model runs with: a map [B, *shape, 1] of each."""
    known = model.weights or {}

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        rows = tf.zeros([tf.shape(scores)[0]])

        def shown(weight):
            _, value = known.get(id(weight), (weight, weight.value))
            return tf.reshape(rows, [-1, *[1] * len(value.shape), 1]) + value[..., tf.newaxis]

        return Explanation(scores, [shown(weight) for weight in learned_weights(model.keras_model)])

    return step


def drawn(model, inputs, **options):
    """The learned weights of each of two repetitions."""
    one = [
        leaf[0, ..., 0] for leaf in explain(noisegrad(weights_seen, repetitions=1, **options), model, inputs, 0).maps
    ]
    two = [
        leaf[0, ..., 0] for leaf in explain(noisegrad(weights_seen, repetitions=2, **options), model, inputs, 0).maps
    ]
    return one, [2 * mean - first for mean, first in zip(two, one, strict=True)]


@pytest.fixture(scope="module")
def frozen():
    """Frozen layers, biases and a normalisation; none of the weights is 0."""
    inputs = keras.Input((6, 6, 2))
    hidden = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    hidden = keras.layers.ReLU()(keras.layers.BatchNormalization(name="norm")(hidden))
    hidden = keras.layers.GlobalAveragePooling2D()(keras.layers.Dropout(0.3)(hidden))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="head")(hidden))
    draws = np.random.default_rng(5)
    model.set_weights([0.5 + np.abs(draws.normal(size=weights.shape)) for weights in model.get_weights()])
    model.get_layer("conv").trainable = model.get_layer("norm").trainable = False
    return model


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(6).normal(size=(3, 6, 6, 2)).astype("float32")


@pytest.fixture(scope="module")
def frozen_draws(frozen, pictures):
    return drawn(frozen, pictures, seed=4)


@pytest.fixture(scope="module")
def wide_draws():
    """All the kernels, [100, 100], that two layers full of threes have in two repetitions of two seeds."""
    wide = keras.Sequential([keras.Input((100,)), *[keras.layers.Dense(100, use_bias=False) for _ in range(2)]])
    wide.set_weights([np.full((100, 100), 3.0)] * 2)
    inputs = np.ones((1, 100), "float32")
    return [kernel for seed in (0, 1) for weights in drawn(wide, inputs, seed=seed) for kernel in weights]


def test_it_averages_the_maps_of_models_with_those_weights(frozen, frozen_draws, pictures):
    places = [[id(weight) for weight in frozen.weights].index(id(weight)) for weight in learned_weights(frozen)]
    copied = keras.models.clone_model(frozen)
    expected = 0
    for weights in frozen_draws:
        values = frozen.get_weights()
        for place, value in zip(places, weights, strict=True):
            values[place] = value
        copied.set_weights(values)
        expected += explain(gradients, copied, pictures, 1).maps / 2

    maps = explain(noisegrad(gradients, repetitions=2, seed=4), frozen, pictures, 1).maps

    np.testing.assert_allclose(maps, expected, atol=1e-5 * np.abs(expected).max())


def test_frozen_layers_and_biases_have_noise_and_statistics_have_none(frozen, frozen_draws):
    names = [weight.path.split("/", 1)[-1] for weight in learned_weights(frozen)]

    assert sorted(names) == ["beta", "bias", "bias", "gamma", "kernel", "kernel"]
    for weights in frozen_draws:
        for value, weight in zip(weights, learned_weights(frozen), strict=True):
            assert (value != weight.numpy()).all()


def test_the_noise_is_normal_around_one(wide_draws):
    for kernel in wide_draws:
        noise = (kernel / 3 - 1) / 0.2

        assert abs(noise.mean()) < 4 / 100
        assert abs(noise.std() - 1) < 4 / np.sqrt(2) / 100
        assert abs((np.abs(noise) < 1).mean() - 0.6827) < 0.02


def test_repetitions_weights_and_seeds_have_draws_of_their_own(wide_draws):
    correlations = np.corrcoef([kernel.ravel() for kernel in wide_draws]) - np.eye(8)

    assert np.abs(correlations).max() < 5 / 100


def test_on_a_linear_model_gradients_tend_to_the_weights():
    kernel = np.random.default_rng(0).normal(size=(5, 2))

    maps = explain(noisegrad(gradients, repetitions=400, deviation=0.5), linear(kernel), np.ones((2, 5)), "all").maps

    assert (np.abs(maps - kernel) <= 4 * 0.5 * np.abs(kernel) / np.sqrt(400)).all()
    np.testing.assert_array_equal(maps[0], maps[1])


def test_without_noise_it_is_its_explainer(frozen, pictures):
    expected = explain(gradcam, frozen, pictures, "all").maps

    actual = explain(noisegrad(gradcam, repetitions=3, deviation=0), frozen, pictures, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-6 * np.abs(expected).max())


def test_scores_and_targets_are_those_of_the_clean_model_which_stays_as_it_is(frozen, pictures):
    expected = explain(gradients, frozen, pictures)
    before = frozen.get_weights()

    actual = explain(noisegrad(gradients, repetitions=2, deviation=2), frozen, pictures)

    np.testing.assert_array_equal(actual.scores, expected.scores)
    np.testing.assert_array_equal(actual.targets, expected.targets)
    for old, new in zip(before, frozen.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_noise_is_on_the_weights_that_the_view_has(frozen, pictures):
    expected = explain(randomized(gradients, seed=1), frozen, pictures, 1).maps

    actual = explain(randomized(noisegrad(gradients, repetitions=1, deviation=0), seed=1), frozen, pictures, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6 * np.abs(expected).max())


def test_one_inside_of_another_draws_anew():
    kernel = np.ones((50, 50))
    seen = explain(
        noisegrad(noisegrad(weights_seen, repetitions=1, deviation=0.1), repetitions=1, deviation=0.1),
        linear(kernel),
        np.ones((1, 50), "float32"),
        0,
    ).maps[0]

    noise = np.log(seen)
    assert noise.std() == pytest.approx(0.1 * np.sqrt(2), rel=0.1)  # 0.2, had both drawn the same


def test_it_goes_on_until_the_map_is_known():
    explainer = noisegrad(gradients, tolerance=0.02, deviation=0.2)

    result = explain(explainer, linear(np.array([[1.0], [-0.5]])), np.ones((1, 2)), 0, details=True)

    assert result.details["standard_error"] <= 0.02
    assert 64 <= result.details["samples"] <= 160  # 100, were the deviation known


def test_a_model_without_weights_is_refused():
    model = keras.Sequential([keras.Input((3,)), keras.layers.ReLU()])

    with pytest.raises(ModelError, match=r"noisegrad multiplies weights by noise, and model '\w+' has none"):
        noisegrad(gradients).bind(model)


SLOW = ("composition", "no noise", "parts", "mirror", "purity after an exception")  # half a minute of tracing
QUICK = [law.name for law in LAWS if law.name not in SLOW and not law.thorough]


@parametrize_with_checks([noisegrad(gradients, repetitions=2)], laws=QUICK)
def test_it_keeps_the_laws(explainer, check):
    check(explainer)


def test_explainers_that_try_other_sizes_are_taken():
    maps = explain("noisegrad(tta(gradcam, scales=(0.5,)), repetitions=2)", sample_model(), sample_inputs()).maps

    assert maps.shape == (5, 8, 8, 1)
    assert np.isfinite(maps).all()


def test_explainers_that_look_into_other_passes_of_a_noisy_model_are_taken(pictures):
    inputs = keras.Input((6, 6, 2))
    tokens = keras.layers.Dense(3, activation="relu", name="tokens")(keras.layers.Reshape((36, 2))(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(tokens)))

    result = explain(noisegrad(gradcam(layer="tokens"), repetitions=2), model, pictures)  # two examples, for the grid

    assert result.maps.shape == (3, 6, 6, 1)


def test_it_is_found_by_its_entry_point():
    entry = registry().entry("noisegrad")

    assert find("noisegrad(smooth(gradients), repetitions=10)") == noisegrad(smooth(gradients), repetitions=10)
    assert (entry.kind, entry.origin) == ("transformer", "xaikit-noisegrad")


def test_importing_it_does_not_import_tensorflow():
    code = "import sys, xaikit_noisegrad; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
