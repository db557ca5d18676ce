"""SavedModels, and files of the older format: methods of the input work, others say why not."""

import keras
import numpy as np
import pytest

from tests.conftest import draws
from tests.oracles.weights import settled
from xaikit import (
    explain,
    gradcam,
    gradients,
    guided_backprop,
    integrated_gradients,
    occlusion,
    parameter_randomization,
    randomized,
    smooth,
)
from xaikit.errors import ModelError, ModelLoadError
from xaikit.models import load


@pytest.fixture(scope="module")
def pictures():
    return draws((3, 6, 6, 2))


@pytest.fixture(scope="module")
def original():
    inputs = keras.Input((6, 6, 2))
    features = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    return settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(pooled)))


@pytest.fixture(scope="module")
def folder(original, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "exported"
    original.export(folder, verbose=False)
    return folder


@pytest.fixture(scope="module")
def saved(folder):
    return load(folder, trust=True)


@pytest.mark.parametrize(
    "method", [gradients, smooth(gradients, repetitions=2), integrated_gradients(steps=3), occlusion]
)
def test_methods_of_the_input_explain_the_outputs_of_a_saved_model(method, saved, original, pictures):
    expected = explain(method, original, pictures, scores="outputs")
    found = explain(method, saved, pictures)

    np.testing.assert_allclose(found.maps, expected.maps, atol=1e-5 * np.abs(expected.maps).max())
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
    assert found.notes["scores"] == "outputs (of a SavedModel, whose ops are hidden)"


def test_methods_that_look_inside_say_why_they_cannot(saved, pictures):
    with pytest.raises(ModelError, match=r"Layers inside of the function .* cannot be seen"):
        explain(gradcam, saved, pictures)
    with pytest.raises(ModelError, match="no rule for StatefulPartitionedCall"):
        explain(guided_backprop, saved, pictures)


@pytest.mark.parametrize("change", ["randomized", "parameter_randomization"])
def test_weights_that_cannot_be_replaced_are_not_said_to_be_redrawn(change, saved, pictures):
    asked = {
        "randomized": lambda: explain(randomized(gradients), saved, pictures),
        "parameter_randomization": lambda: parameter_randomization(gradients, saved, pictures),
    }

    with pytest.raises(ModelError, match=r"are inside of a SavedModel, and cannot be replaced"):
        asked[change]()


def test_a_saved_model_is_loaded_only_if_it_is_trusted(folder, tmp_path):
    with pytest.raises(ModelLoadError, match=r"is a program\. If you know who made it"):
        load(folder)
    with pytest.raises(ModelLoadError, match="a folder, and no SavedModel"):
        load(tmp_path)


def test_an_older_file_gives_the_same_maps(original, pictures, tmp_path):
    path = tmp_path / "model.h5"
    original.save(path)
    model = load(path)
    for method in (gradients, gradcam):
        expected = explain(method, original, pictures).maps

        np.testing.assert_allclose(explain(method, model, pictures).maps, expected, atol=1e-6)
    assert explain(gradcam, model, pictures).notes["layer"] == "conv"
