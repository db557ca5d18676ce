"""Conductance: the same sum at every layer, integrated gradients at the input, and the paper's own integral."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from xaikit import explain, find, integrated_gradients
from xaikit.errors import InputError, ModelError, UnknownName
from xaikit.registry import registry
from xaikit.testing import LAWS, parametrize_with_checks

conductance = pytest.importorskip("xaikit_conductance", reason="pip install -e plugins/xaikit-conductance").conductance

PICTURES = np.random.default_rng(3).normal(size=(3, 6, 6, 2))
START = np.random.default_rng(4).normal(size=(6, 6, 2))


@pytest.fixture(scope="module")
def model():
    """Curved everywhere, so that the error of a sum is seen."""
    inputs = keras.Input((6, 6, 2), dtype="float64")
    hidden = keras.layers.Conv2D(4, 3, activation="tanh", name="first", dtype="float64")(inputs)
    hidden = keras.layers.Conv2D(3, 2, activation="softplus", name="second", dtype="float64")(hidden)
    hidden = keras.layers.Flatten(dtype="float64")(hidden)
    hidden = keras.layers.Dense(5, activation="tanh", name="units", dtype="float64")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(3, name="head", dtype="float64")(hidden))
    draws = np.random.default_rng(1)
    model.set_weights([draws.normal(0, 0.4, weights.shape) for weights in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def difference(model):
    return (model(PICTURES) - model(START[np.newaxis])).numpy()


@pytest.mark.parametrize("layer", ["first:input", "first", "second", "units", "head"])
def test_the_sum_is_the_same_at_every_layer(model, difference, layer):
    result = explain(conductance(layer=layer, baseline=START, steps=100), model, PICTURES, "all", details=True)

    sums = result.maps.sum(axis=tuple(range(1, result.maps.ndim - 1)))
    np.testing.assert_allclose(sums, difference, atol=2e-3)
    np.testing.assert_allclose(result.details["completeness_gap"], sums - difference, atol=1e-12)


def test_the_error_falls_with_the_square_of_the_steps(model, difference):
    def error(steps):
        maps = explain(conductance(layer="second", baseline=START, steps=steps), model, PICTURES, "all").maps
        return np.abs(maps.sum((1, 2)) - difference).max()

    assert error(10) / error(40) == pytest.approx(16, rel=0.1)


def test_at_the_input_it_is_integrated_gradients(model):
    expected = explain(integrated_gradients(steps=7, baseline=START, quadrature="midpoint"), model, PICTURES, 1).maps

    actual = explain(conductance(layer="first:input", steps=7, baseline=START), model, PICTURES, 1).maps

    np.testing.assert_allclose(actual, expected.sum(axis=3), atol=1e-12)


def test_it_is_the_paper_s_integral_of_the_gradients_through_each_unit(model):
    """Of F's gradient by y, times that of y by each input value, times its way, from the start to the input."""
    below = keras.Model(model.input, model.get_layer("units").output)
    above = model.get_layer("head")
    way = tf.constant(PICTURES - START)
    expected = 0
    points, weights = np.polynomial.legendre.leggauss(60)
    for share, weight in zip((points + 1) / 2, weights / 2, strict=True):
        point = tf.constant(START + share * (PICTURES - START))
        with tf.GradientTape() as tape:
            units = below(point)
            tape.watch(units)
            score = above(units)[:, 2]
        ahead = below(point + 1e-5 * way) - below(point - 1e-5 * way)  # y's gradient by the inputs, times the way
        expected += weight * (tape.gradient(score, units) * ahead / 2e-5).numpy()

    maps = explain(conductance(layer="units", baseline=START, steps=200), model, PICTURES, 2).maps[..., 0]

    np.testing.assert_allclose(maps, expected, atol=1e-4 * np.abs(expected).max())


def test_where_the_layer_and_what_follows_are_linear_one_step_is_enough():
    inputs = keras.Input((4,), dtype="float64")
    hidden = keras.layers.Dense(3, use_bias=False, name="hidden", dtype="float64")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, dtype="float64")(hidden))
    rows = np.array([[1.0, -2.0, 3.0, 0.5], [0.0, 1.0, 1.0, 1.0]])
    kernel, head = (layer.kernel.numpy() for layer in model.layers[1:])
    expected = ((rows - 0.5) @ kernel)[..., np.newaxis] * head

    maps = explain(conductance(layer="hidden", steps=1, baseline=0.5), model, rows, "all").maps

    np.testing.assert_allclose(maps, expected, atol=1e-12)


def test_what_flows_past_the_layer_is_missing_and_reported(model):
    inputs = keras.Input((3, 3, 1), dtype="float64")
    inner = keras.layers.Conv2D(1, 1, name="inner", dtype="float64")(inputs)
    outputs = keras.layers.Flatten(dtype="float64")(keras.layers.Add(dtype="float64")([inputs, inner]))
    outputs = keras.layers.Dense(1, use_bias=False, dtype="float64")(outputs)
    shortcut = keras.Model(inputs, outputs)
    picture = PICTURES[:1, :3, :3, :1]
    kernel = shortcut.layers[-1].kernel.numpy()

    gap = explain(conductance(layer="inner"), shortcut, picture, 0, details=True).details["completeness_gap"]

    np.testing.assert_allclose(gap, -(picture.reshape(1, -1) @ kernel), atol=1e-12)


def test_the_model_is_fed_no_more_rows_than_the_batch_size():
    seen = []

    class Watched(keras.layers.Layer):
        def call(self, inputs):
            def look(array):
                seen.append(len(array))
                return np.zeros((), array.dtype)

            nothing = tf.ensure_shape(tf.numpy_function(look, [inputs], inputs.dtype, stateful=False), [])
            return inputs + tf.stop_gradient(nothing)

    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dense(3, name="hidden")(Watched()(inputs))))

    explain(conductance(layer="hidden", steps=5), model, np.ones((2, 2), "float32"), 0, batch_size=4)

    assert max(seen) == 4
    assert sum(seen) == 2 * (1 + 3 * 5)


def test_what_cannot_be_followed_is_refused_when_it_is_bound(model):
    numbers = keras.Input((3,), dtype="int32")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(4, 2)(numbers))

    with pytest.raises(InputError, match="there is none between whole numbers, int32"):
        conductance.bind(keras.Model(numbers, keras.layers.Dense(2)(embedded)))
    with pytest.raises(UnknownName, match="Did you mean 'second'"):
        conductance(layer="secnd").bind(model)
    rows = keras.Input((3,))
    with pytest.raises(ModelError, match="No layer on the way to the scores"):
        conductance.bind(keras.Model(rows, keras.layers.Dense(2)(rows)))


SLOW = ("composition", "no noise", "parts", "mirror", "purity after an exception")  # half a minute of tracing
QUICK = [law.name for law in LAWS if law.name not in SLOW and not law.thorough]


@parametrize_with_checks([conductance(steps=3)], laws=QUICK)
def test_it_keeps_the_laws(explainer, check):
    check(explainer)


def test_it_is_found_by_its_entry_point():
    entry = registry().entry("conductance")

    assert find("heatmap(conductance(layer='conv', steps=10))")
    assert (entry.kind, entry.origin) == ("method", "xaikit-conductance")


def test_importing_it_does_not_import_tensorflow():
    code = "import sys, xaikit_conductance; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
