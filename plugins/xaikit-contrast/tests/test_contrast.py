"""The lead over the strongest rival, in closed form on linear models."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from xaikit import explain, find, smooth
from xaikit.errors import ModelError, TargetError
from xaikit.registry import registry

contrast = pytest.importorskip("xaikit_contrast", reason="pip install -e plugins/xaikit-contrast").contrast

KERNEL = np.array([[1.0, 0.5, -1.0], [-2.0, 1.0, 0.0], [0.5, 3.0, 2.0], [0.0, -1.0, 4.0]])  # [features, classes]
INPUTS = np.array([[1.0, 2.0, 3.0, -1.0], [0.5, -4.0, 0.0, 0.1], [-1.0, 0.3, 1.0, 2.0]])


def linear(kernel, activation=None):
    features, classes = kernel.shape
    model = keras.Sequential(
        [
            keras.Input((features,), dtype="float64"),
            keras.layers.Dense(classes, use_bias=False, activation=activation, dtype="float64"),
        ]
    )
    model.set_weights([kernel])
    return model


@pytest.fixture(scope="module")
def model():
    return linear(KERNEL, "softmax")


def expected_map(target, rank=1, baseline=0.0):
    """Target minus the rival of that rank, written out example by example."""
    maps = []
    for example in INPUTS:
        scores = example @ KERNEL
        others = sorted((c for c in range(3) if c != target), key=lambda c: -scores[c])
        maps.append((KERNEL[:, target] - KERNEL[:, others[rank - 1]]) * (example - baseline))
    return np.stack(maps)[..., np.newaxis]


@pytest.mark.parametrize("target", [0, 1, 2])
def test_on_a_linear_model_it_is_the_difference_of_weights_times_the_input(model, target):
    expected = expected_map(target)

    scores, maps = explain(contrast, model, INPUTS, target)

    np.testing.assert_allclose(maps, expected, atol=1e-12)
    np.testing.assert_allclose(scores[:, 0], INPUTS @ KERNEL[:, target], atol=1e-12)


def test_a_map_adds_up_to_the_lead_over_the_strongest_rival(model):
    scores = np.sort(INPUTS @ KERNEL, axis=1)
    expected = scores[:, -1] - scores[:, -2]

    maps = explain(contrast, model, INPUTS).maps  # the best class of each: its lead is not negative

    np.testing.assert_allclose(maps.sum(axis=(1, 2)), expected, atol=1e-12)


def test_the_rank_of_the_rival_and_the_baseline_are_parameters(model):
    expected = expected_map(1, rank=2, baseline=0.5)

    maps = explain(contrast(rival=2, baseline=0.5), model, INPUTS, 1).maps

    np.testing.assert_allclose(maps, expected, atol=1e-12)


def test_every_target_has_its_own_rival(model):
    expected = np.concatenate([expected_map(target) for target in range(3)], axis=-1)

    maps = explain(contrast, model, INPUTS, "all").maps

    np.testing.assert_allclose(maps, expected, atol=1e-12)


def test_what_speaks_for_all_classes_alike_cancels(model):
    shifted = linear(KERNEL + np.array([[7.0], [0.0], [0.0], [-3.0]]), "softmax")
    expected = explain(contrast, model, INPUTS, 1).maps

    actual = explain(contrast, shifted, INPUTS, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_each_input_of_several_has_its_own_map():
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    model = keras.Model([left, right], keras.layers.Dense(3, use_bias=False)(joined))
    model.set_weights([KERNEL])
    halves = [INPUTS[:, :2].astype("float32"), INPUTS[:, 2:].astype("float32")]
    expected = expected_map(2)

    maps = explain(contrast, model, halves, 2).maps

    np.testing.assert_allclose(np.concatenate(maps, axis=1), expected, rtol=1e-5)


def test_a_model_with_one_output_is_refused_when_it_is_bound():
    with pytest.raises(ModelError, match=r"contrast compares classes, and model '\w+' has one output: use gradients"):
        contrast.bind(linear(KERNEL[:, :1]))


def test_a_rival_that_the_model_does_not_have_is_refused_when_it_is_bound(model):
    with pytest.raises(ModelError, match=r"needs 4 classes, and .* has 3: rival can be 2 at most"):
        contrast(rival=3).bind(model)


def test_a_target_function_is_refused(model):
    with pytest.raises(ModelError, match="give class targets"):
        explain(contrast, model, INPUTS, lambda scores: scores[:, 0])


def test_a_target_out_of_range_is_refused(model):
    with pytest.raises(TargetError, match="Target 3 is out of range"):
        explain(contrast, model, INPUTS, 3)


def test_it_is_found_by_its_entry_point():
    entry = registry().entry("contrast")

    assert find("contrast") is contrast
    assert find("contrast(rival=2)") == contrast(rival=2)
    assert (entry.kind, entry.origin) == ("method", "xaikit-contrast")
    assert entry.summary.startswith("Share out a class's lead")


def test_smoothing_changes_nothing_where_the_rival_stays():
    gap = KERNEL + np.array([[0.0, 0.0, -50.0]]) * np.sign(INPUTS[:1]).T  # class 2 is far behind, whatever the noise
    model = linear(gap)
    expected = (gap[:, 0] - gap[:, 1]) * INPUTS[0]

    smoothed = explain(find("smooth(contrast, repetitions=400, seed=1)"), model, INPUTS[:1], 0).maps[0, :, 0]
    still = explain(smooth(contrast, noise=0), model, INPUTS[:1], 0).maps[0, :, 0]

    np.testing.assert_allclose(still, expected, atol=1e-12)
    error = 0.1 * np.abs(gap[:, 0] - gap[:, 1]) / np.sqrt(400)
    assert (np.abs(smoothed - expected) <= 4 * error).all()


def test_importing_it_does_not_import_tensorflow():
    code = "import sys, xaikit_contrast; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
