"""IDGI against the paper's loop in NumPy, and in closed form."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from xaikit import explain, find, integrated_gradients, smooth
from xaikit.errors import InputError, ParameterError
from xaikit.registry import registry
from xaikit.testing import LAWS, parametrize_with_checks, sample_inputs, sample_model

idgi = pytest.importorskip("xaikit_idgi", reason="pip install -e plugins/xaikit-idgi").idgi

DRAWS = np.random.default_rng(3)


def settled(model, seed=0):
    """Give the weights of a model fixed values, and give the model back."""
    draws = np.random.default_rng(seed)
    model.set_weights([draws.normal(0, 0.5, weights.shape) for weights in model.get_weights()])
    return model


def function(of, features, dtype="float64"):
    """A model of tables whose one score is a function of the columns."""
    inputs = keras.Input((features,), dtype=dtype)

    def score(values):
        return of(*(values[:, i : i + 1] for i in range(features)))

    return keras.Model(inputs, keras.layers.Lambda(score, output_shape=(1,), dtype=dtype)(inputs))


@pytest.fixture(scope="module")
def pictures():
    return DRAWS.normal(size=(3, 6, 6, 2))


@pytest.fixture(scope="module")
def convolutional():
    options = {"activation": "relu", "dtype": "float64"}
    inputs = keras.Input((6, 6, 2), dtype="float64")
    hidden = keras.layers.Conv2D(4, 3, **options)(inputs)
    hidden = keras.layers.Flatten(dtype="float64")(keras.layers.Conv2D(3, 2, **options)(hidden))
    return settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax", dtype="float64")(hidden)))


@pytest.fixture(scope="module")
def table():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(5, activation="tanh")(inputs)
    return settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden)))


def loop(model, example, start, target, steps):
    """The algorithm as the paper writes it, for one example and target, with the logits read off the layers."""
    logits = keras.Sequential([*model.layers[:-1], keras.layers.Dense(3, dtype="float64")])
    logits.build((None, *example.shape))
    logits.set_weights(model.get_weights())

    def score(point):
        return logits(tf.constant(point[np.newaxis]))[0, target].numpy()

    found = np.zeros_like(example)
    points = [start + j / steps * (example - start) for j in range(steps + 1)]
    for here, there in pairwise(points):
        leaf = tf.Variable(here[np.newaxis])
        with tf.GradientTape() as tape:
            value = logits(leaf)[0, target]
        slopes = tape.gradient(value, leaf).numpy()[0]
        found += slopes**2 / (slopes**2).sum() * (score(there) - score(here))
    return found


def test_it_is_the_paper_s_loop_over_the_points(convolutional, pictures):
    start = DRAWS.normal(size=(6, 6, 2))
    expected = np.stack([[loop(convolutional, x, start, t, 4) for t in range(3)] for x in pictures])

    maps = explain(idgi(steps=4, baseline=start), convolutional, pictures, "all").maps

    np.testing.assert_allclose(maps, np.moveaxis(expected, 1, -1), atol=1e-12)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_map_adds_up_to_the_difference_at_any_number_of_steps(convolutional, pictures, steps):
    start = np.full((6, 6, 2), 0.7)
    expected = np.subtract(*(explain("gradients", convolutional, x, 1).scores for x in (pictures, start[np.newaxis])))

    result = explain(idgi(steps=steps, baseline=0.7), convolutional, pictures, 1, details=True)

    np.testing.assert_allclose(result.maps.sum((1, 2, 3)), expected, atol=1e-12)
    np.testing.assert_allclose(result.details["completeness_gap"], 0, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 7])
def test_on_a_linear_model_the_squares_of_the_weights_share_out_the_difference(steps):
    model = function(lambda a, b, c: 2 * a - b + 0 * c + 5, 3)
    inputs = np.array([[3.0, 1.0, 8.0], [-1.0, 4.0, 2.0], [1.0, 2.0, 0.0]])  # the last one is worth what 0 is
    expected = np.array([4, 1, 0]) / 5 * (inputs @ [2, -1, 0])[:, np.newaxis]

    maps = explain(idgi(steps=steps), model, inputs, 0).maps[..., 0]

    np.testing.assert_allclose(maps, expected, atol=1e-12)


def test_a_value_that_went_no_way_may_have_a_share():
    model = function(lambda a, b: a + b, 2)

    maps = explain(idgi(steps=2), model, np.array([[3.0, 0.0]]), 0).maps[..., 0]

    np.testing.assert_allclose(maps, [[1.5, 1.5]], atol=1e-12)


def test_a_step_without_a_gradient_is_given_to_nobody_and_reported():
    product = function(lambda a, b: a * b, 2)
    inputs = np.array([[1.0, 3.0], [2.0, -2.0]])
    scores = inputs.prod(axis=1, keepdims=True)
    other = inputs[:, ::-1] ** 2
    expected = other / other.sum(axis=1, keepdims=True) * scores * (1 - 1 / 5**2)

    result = explain(idgi(steps=5), product, inputs, 0, details=True)

    np.testing.assert_allclose(result.maps[..., 0], expected, atol=1e-12)
    np.testing.assert_allclose(result.details["completeness_gap"], -scores / 5**2, atol=1e-12)


def test_where_nothing_matters_the_map_is_zero():
    flat = function(lambda a, b: tf.nn.relu(a + b - 100), 2)

    maps = explain(idgi(steps=3), flat, np.array([[1.0, 3.0]]), 0).maps

    np.testing.assert_array_equal(maps, 0)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_slopes_whose_squares_float32_does_not_hold_are_shared_out_all_the_same(scale):
    inputs = np.array([[3.0, 1.0]], "float32")
    expected = np.array([[4, 1]]) / 5 * 5 * scale

    maps = explain(idgi(steps=3), function(lambda a, b: scale * (2 * a - b), 2, "float32"), inputs, 0).maps

    np.testing.assert_allclose(maps[..., 0], expected, rtol=1e-5)


def test_several_inputs_share_one_length():
    left, right = keras.Input((1,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    model = keras.Model([left, right], keras.layers.Dense(1, use_bias=False)(joined))
    model.set_weights([np.array([[2.0], [1.0], [-3.0]])])
    inputs = np.array([[1.0, 2.0, -1.0], [4.0, 0.0, 1.0]], "float32")
    expected = np.array([4, 1, 9]) / 14 * (inputs @ [2, 1, -3])[:, np.newaxis]

    maps = explain(idgi(steps=2), model, [inputs[:, :1], inputs[:, 1:]], 0).maps

    np.testing.assert_allclose(np.concatenate(maps, axis=1)[..., 0], expected, rtol=1e-5)


def test_with_one_feature_it_is_integrated_gradients():
    curve = function(lambda a: a**3 + a, 1)
    inputs = np.array([[2.0], [-1.0]])

    maps = explain(idgi(steps=3, baseline=0.5), curve, inputs, 0).maps

    np.testing.assert_allclose(maps, explain(integrated_gradients(baseline=0.5), curve, inputs, 0).maps, atol=1e-12)


def test_the_model_is_fed_no_more_rows_than_the_batch_size_and_twice_for_each_step():
    seen = []

    class Watched(keras.layers.Layer):
        def call(self, inputs):
            def look(array):
                seen.append(len(array))
                return np.zeros((), array.dtype)

            nothing = tf.ensure_shape(tf.numpy_function(look, [inputs], inputs.dtype, stateful=False), [])
            return inputs + tf.stop_gradient(nothing)

    inputs = keras.Input((2,))
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(Watched()(inputs))))

    explain(idgi(steps=5), model, np.ones((2, 2), "float32"), 0, batch_size=4)  # two steps at a time

    assert max(seen) == 4
    assert sum(seen) == 2 * (1 + 2 * 5)


def test_whole_numbers_and_baselines_of_another_shape_are_refused(table):
    numbers = keras.Input((3,), dtype="int32")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(4, 2)(numbers))
    model = keras.Model(numbers, keras.layers.Dense(2)(embedded))

    with pytest.raises(InputError, match="is int32 and cannot be differentiated"):
        explain(idgi, model, np.ones((2, 3), "int32"), 0)
    with pytest.raises(ParameterError, match="baseline must have the shape of one example"):
        idgi(baseline=np.zeros(3)).bind(table)


SLOW = ("composition", "no noise", "parts", "mirror", "purity after an exception")  # half a minute of tracing
QUICK = [law.name for law in LAWS if law.name not in SLOW and not law.thorough]


@parametrize_with_checks([idgi(steps=3)], laws=QUICK)
def test_it_keeps_the_laws(explainer, check):
    check(explainer)


def test_transformers_take_it_on_pictures():
    maps = explain("tta(idgi(steps=2), scales=(0.5,))", sample_model(), sample_inputs()).maps

    assert maps.shape == (5, 8, 8, 3, 1)
    assert np.isfinite(maps).all()


def test_it_is_found_by_its_entry_point():
    entry = registry().entry("idgi")

    assert find("smooth(idgi(steps=10))") == smooth(idgi(steps=10))
    assert (entry.kind, entry.origin) == ("method", "xaikit-idgi")


def test_importing_it_does_not_import_tensorflow():
    code = "import sys, xaikit_idgi; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
