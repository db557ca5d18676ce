"""What users get back: the pair, what was chosen, and how it shows itself."""

import numpy as np
import pytest

import xaikit
from xaikit import explain, find, gradcam, gradients, heatmap, smooth, stream
from xaikit.core import Explanation
from xaikit.result import spelled_out
from xaikit.showing import heat


@pytest.fixture(scope="module")
def explained(pooled, images):
    return explain(gradcam, pooled, images, "top2")


def test_it_is_the_pair_of_scores_and_maps(explained):
    scores, maps = explained

    assert isinstance(explained, Explanation)
    assert scores is explained.scores
    assert maps is explained.maps
    assert (scores.shape, maps.shape) == ((5, 2), (5, 4, 4, 2))


def test_it_says_what_was_explained_by_what(explained, pooled, images):
    ranked = np.argsort(-pooled.predict(images, verbose=0), axis=-1)[:, :2]

    np.testing.assert_array_equal(explained.targets, ranked)
    assert explained.explainer == gradcam
    assert explained.notes == {"scores": "logits", "layer": "conv2"}
    assert "layer conv2" in repr(explained)


def test_a_saved_result_records_every_parameter_in_full():
    parameters = {"repetitions": 3, "noise": 0.1, "relative": False, "reduce": "mean", "seed": 0, "tolerance": 0.0}
    expected = {
        "name": "smooth",
        "parameters": parameters,
        "explainers": [{"name": "gradcam", "parameters": {"layer": "", "grid": ()}, "explainers": []}],
    }

    actual = spelled_out(find("smooth(gradcam, repetitions=3)"))

    assert actual == expected


def test_in_a_notebook_it_is_a_picture(explained):
    assert explained._repr_png_().startswith(b"\x89PNG")


def test_what_is_no_picture_shows_as_text(linear64, rectangles64):
    table = explain(gradients, linear64, rectangles64)

    assert table._repr_png_() is None  # two channels are no picture


def test_stream_gives_the_same_batch_by_batch(explained, pooled, images):
    parts = list(stream(gradcam, pooled, images, "top2", batch_size=2))

    assert [len(part.scores) for part in parts] == [2, 2, 1]
    np.testing.assert_allclose(np.concatenate([part.maps for part in parts]), explained.maps, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("show", ["auto", "for", "size", "signed"])
@pytest.mark.parametrize("explainer", [gradients, gradcam])
def test_the_heat_of_raw_maps_is_that_of_heatmap(explainer, show, pooled, images):
    expected = explain(heatmap(explainer, show=show), pooled, images).maps

    actual = heat(explain(explainer, pooled, images).maps, images, show)

    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_noise_too_small_to_smooth_is_warned_of(pooled, images):
    with pytest.warns(xaikit.errors.XaikitWarning, match="less than a thousandth"):
        explain(smooth(gradients, noise=1e-5, repetitions=1), pooled, images)


def test_the_package_offers_the_catalogue_and_names_what_is_nearest():
    assert {"explain", "stream", "find", "visualize", "gradcam", "smooth", "method"} <= set(dir(xaikit))
    with pytest.raises(AttributeError, match="Did you mean 'gradcam'"):
        xaikit.gradcan  # noqa: B018
