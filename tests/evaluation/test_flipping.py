"""Flipped pixels by the quantiles of an explanation under dropout, against slow loops over single examples."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from tests.conftest import draws
from tests.oracles.weights import settled
from xaikit import gradients, pixel_flipping, quantiles
from xaikit.errors import ParameterError
from xaikit.evaluation.flipping import flipping_curves

Q = (0.1, 0.9)


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((4, 4, 2))
    features = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    dropped = keras.layers.Dropout(0.4)(keras.layers.Flatten()(features))
    return settled(keras.Model(inputs, keras.layers.Dense(3)(dropped)))


@pytest.fixture(scope="module")
def pictures():
    return draws((5, 4, 4, 2))


@pytest.fixture(scope="module")
def found(model, pictures):
    """All positions, four at a time, by zeros."""
    return flipping_curves("gradients", model, pictures, q=Q, repetitions=6, percent=1.0, step=0.25, replace=0.0)


def flipped(model, pictures, targets, relevance, most):
    """Replace positions [N, 16] four at a time by 0, and read the target's score: [N, 5]."""
    changed = []
    for picture, each in zip(pictures, relevance, strict=True):
        order = np.argsort(-each if most else each)
        for count in (0, 4, 8, 12, 16):
            changed.append(picture.reshape(16, 2).copy())
            changed[-1][order[:count]] = 0
    scores = model.predict(np.reshape(changed, (-1, 4, 4, 2)), verbose=0).reshape(len(pictures), 5, -1)
    return np.array([each[:, target] for each, target in zip(scores, targets, strict=True)])


def test_each_curve_is_the_mean_over_examples_of_flipping_by_one_quantile_map(found, model, pictures):
    targets = model.predict(pictures, verbose=0).argmax(axis=1)
    maps = quantiles(gradients, model, pictures, targets, q=Q, repetitions=6).maps[..., 0]

    for share, each in zip(Q, maps.sum(axis=-1).reshape(2, 5, 16), strict=True):
        for order in ("most_relevant", "least_relevant"):
            curves = flipped(model, pictures, targets, each, order == "most_relevant")
            cell = found.cells[order, share]
            error = 1.959964 * curves.std(axis=0, ddof=1) / np.sqrt(5)

            np.testing.assert_allclose(cell.band.at, [0, 0.25, 0.5, 0.75, 1])
            np.testing.assert_allclose(cell.band.mean, curves.mean(axis=0), atol=1e-5)
            np.testing.assert_allclose(cell.band.high - cell.band.mean, error, atol=1e-5)
            np.testing.assert_allclose(cell.values, (curves[:, :1] - curves).mean(axis=1), atol=1e-5)


def test_the_random_order_is_that_of_no_map_and_stands_there_once(found, model, pictures):
    ones = np.ones((5, 4, 4, 1), "float32")
    expected = pixel_flipping(percent=1.0, step=0.25, replace=0.0).curve(ones, model, pictures).values

    assert [key for key in found.cells if key[0] == "random"] == [("random", None)]
    np.testing.assert_allclose(found.cells["random", None].band.mean, expected.mean(axis=0), atol=1e-5)
    assert len(found.cells) == 5


def test_values_are_drawn_from_the_data_unless_it_is_said_from_what(model, pictures):
    options = {"q": (0.5,), "repetitions": 2, "percent": 0.5, "step": 0.25}
    own = flipping_curves(gradients, model, pictures, 1, **options)
    other = flipping_curves(gradients, model, pictures, 1, reference=pictures * 3 + 1, **options)
    maps = quantiles(gradients, model, pictures, 1, q=(0.5,), repetitions=2).maps[0]
    expected = pixel_flipping(percent=0.5, step=0.25).curve(maps, model, pictures, 1).values.mean(axis=0)

    np.testing.assert_allclose(own.cells["most_relevant", 0.5].band.mean, expected, atol=1e-5)
    assert np.abs(other.cells["most_relevant", 0.5].band.mean - expected).max() > 1e-2


def test_one_figure_holds_all_the_curves(found):
    buffer = io.BytesIO()
    most, least = found.plot(to=buffer).axes

    assert Image.open(buffer).width > 1000
    for axes, order in ((most, "most_relevant"), (least, "least_relevant")):
        cells = [found.cells[order, 0.1], found.cells[order, 0.9], found.cells["random", None]]
        for line, cell in zip(axes.lines, cells, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), cell.band.mean)
    assert [line.get_linestyle() for line in most.lines] == ["-", "-", "--"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"q": (0.5, 1.5)}, "q must be quantiles from 0 to 1"),
        ({"q": ()}, "q must be quantiles"),
        ({"repetitions": 0}, "repetitions must be at least 1"),
        ({"percent": 2.0}, "percent must be at most 1"),
    ],
)
def test_values_out_of_range_are_refused(model, pictures, options, says):
    with pytest.raises(ParameterError, match=says):
        flipping_curves(gradients, model, pictures, **options)
