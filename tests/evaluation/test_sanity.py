"""Sanity checks: what passes, what fails, and what is said of models of another kind."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from tests.oracles.weights import settled
from xaikit import eigencam, gradcam, parameter_randomization, random_logit, sanity
from xaikit.errors import ParameterError


@pytest.fixture(scope="module")
def found(pooled, images):
    return sanity({"seen": gradcam, "blind to the class": "eigencam"}, pooled, images, batch_size=8, progress=False)


def test_the_checks_are_those_of_the_metrics(found, pooled, images):
    curve = parameter_randomization().curve(gradcam, pooled, images).values
    alone = parameter_randomization(order="independent")(gradcam, pooled, images)
    check = found.checks["seen"]

    assert found.layers == ("head", "conv2", "conv1")
    np.testing.assert_allclose(check.cascading, curve[:, 1:].mean(), atol=1e-6)
    np.testing.assert_allclose(check.all_redrawn, curve[:, -1].mean(), atol=1e-6)
    np.testing.assert_allclose(check.independent, alone.mean(), atol=1e-6)
    np.testing.assert_allclose(check.random_logit, random_logit(gradcam, pooled, images).mean(), atol=1e-6)


def test_an_explainer_passes_that_keeps_no_more_than_the_limit(found):
    assert found.checks["seen"].passes()
    assert found.checks["blind to the class"].random_logit == pytest.approx(1)
    assert not found.checks["blind to the class"].passes()  # the head was drawn anew, and no map saw it
    assert found.checks["blind to the class"].passes(1.0)


def test_the_curves_are_drawn_with_the_names_of_the_layers(found):
    buffer = io.BytesIO()
    figure = found.plot(to=buffer)
    first, second = figure.axes

    labels = [text.get_text() for text in first.get_xticklabels()]
    assert labels == [text.get_text() for text in second.get_xticklabels()] == list(found.layers)
    assert len(first.lines) == 2
    assert first.lines[0].get_ydata()[0] == 1
    assert Image.open(buffer).width > 1000


def test_without_another_class_the_rest_is_checked():
    inputs = keras.Input((5, 5, 1))
    features = keras.layers.Conv2D(3, 3, activation="relu")(inputs)
    model = settled(keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(features))))
    pictures = np.random.default_rng(0).normal(size=(3, 5, 5, 1)).astype("float32")

    found = sanity(eigencam, model, pictures, order="bottom_up")

    assert np.isnan(found.checks["eigencam"].random_logit)
    assert np.isfinite(found.checks["eigencam"].cascading)
    assert "one output alone" in found.evaluation.errors["eigencam", "random_logit"]
    assert [text.get_text() for text in found.plot().axes[0].get_xticklabels()] == list(found.layers[::-1])


def test_an_order_without_an_end_is_refused(pooled, images):
    with pytest.raises(ParameterError, match="order must be 'top_down' or 'bottom_up', not 'independent'"):
        sanity(gradcam, pooled, images, order="independent")
