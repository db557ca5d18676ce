"""What LIME and Kernel SHAP share: every kind of input, costs, standard errors, independence."""

import keras
import numpy as np
import pytest

from tests.oracles.coalitions import Watched
from tests.oracles.counting import RowsOf
from tests.oracles.weights import settled
from xaikit import explain, find, kernel_shap, lime, smooth
from xaikit.core.sampling import BLOCK
from xaikit.core.segments import _superpixels
from xaikit.errors import ParameterError, XaikitWarning

BOTH = pytest.mark.parametrize("explainer", [lime, kernel_shap], ids=repr)


def unpenalised(explainer):
    return explainer(alpha=0.0) if explainer is lime else explainer


@pytest.fixture(scope="module")
def wide():
    return Watched(12)


@pytest.fixture(scope="module")
def counting():
    return RowsOf()


@BOTH
@pytest.mark.parametrize("superpixels", [True, False])
def test_a_hit_stands_in_its_place_on_a_picture_that_is_not_square(explainer, superpixels, monkeypatch):
    if not superpixels:
        monkeypatch.setattr("xaikit.core.segments.available", lambda: False)
    weights = np.zeros((24, 36, 3, 1))
    weights[4:8, 27:32] = 1.0
    inputs = keras.Input((24, 36, 3))
    head = keras.layers.Dense(1, use_bias=False)
    model = keras.Model(inputs, head(keras.layers.Flatten()(inputs)))
    head.set_weights([weights.reshape(-1, 1)])
    pictures = np.random.default_rng(0).uniform(0.2, 0.4, size=(2, 24, 36, 3)).astype("float32")
    pictures[:, 4:8, 27:32] = 1.0

    found = explain(explainer(samples=400), model, pictures)

    hit = np.zeros((24, 36), bool)
    hit[4:8, 27:32] = True
    for one in found.maps[..., 0]:
        assert one[hit].min() > 20 * np.abs(one[:, :18]).max()
        assert hit[np.unravel_index(one.argmax(), one.shape)]
        assert not superpixels or one[hit].sum() > 0.7 * one.sum()
    assert found.notes["segments"] == ("superpixels of scikit-image" if superpixels else "grid of 5 x 10")


@BOTH
def test_positions_of_a_segment_are_alike(explainer, pooled, images):
    labels = _superpixels(images, 10)

    maps = explain(explainer(segments=10, samples=100), pooled, images, "all").maps

    for one, of in zip(maps, labels, strict=True):
        for label in np.unique(of):
            assert (one[of == label] == one[of == label][0]).all()
        assert len(np.unique(one[..., 0])) == of.max() + 1


@BOTH
def test_values_and_standard_errors_are_in_the_units_of_the_map(explainer, monkeypatch):
    monkeypatch.setattr("xaikit.core.segments.available", lambda: False)
    inputs = keras.Input((4, 4, 1), dtype="float64")
    hidden = keras.layers.Dense(6, activation="relu", dtype="float64")(keras.layers.Flatten(dtype="float64")(inputs))
    small = settled(keras.Model(inputs, keras.layers.Dense(2, dtype="float64")(hidden)))
    inputs = keras.Input((8, 8, 1), dtype="float64")
    large = keras.Model(inputs, small(keras.layers.MaxPooling2D(2, dtype="float64")(inputs)))
    pictures = np.random.default_rng(1).uniform(1, 2, size=(2, 4, 4, 1))
    blown_up = pictures.repeat(2, axis=1).repeat(2, axis=2)
    share = 4 if explainer is kernel_shap else 1  # positions of a segment

    one = explain(explainer(samples=200, segments=16), small, pictures, "all", details=True)
    other = explain(explainer(samples=200, segments=16), large, blown_up, "all", details=True)

    np.testing.assert_allclose(other.maps * share, one.maps.repeat(2, axis=1).repeat(2, axis=2), atol=1e-10)
    errors = one.details["standard_error"]
    assert np.isfinite(errors).all()
    np.testing.assert_allclose(other.details["standard_error"] * share, errors, rtol=1e-8)


@BOTH
def test_series_have_their_steps_for_segments(explainer, series, waves):
    maps = explain(explainer, series, waves, "all").maps
    waves = waves.copy()
    waves[:, 3] = 0
    blind = np.abs(explain(explainer, series, waves, "all").maps[:, 3]).max()

    assert maps.shape == (3, 9, 3)
    assert blind < (1e-6 if explainer is kernel_shap else 0.01) * np.abs(maps).max()


@BOTH
def test_volumes_are_cut_too(explainer, volumes, blocks):
    found = explain(explainer(segments=9, samples=100), volumes, blocks, "all")

    assert found.maps.shape == (2, 4, 6, 5, 3)
    assert found.notes["segments"] == "superpixels of scikit-image"
    assert 1 < len(np.unique(found.maps[0, ..., 0])) <= 9


@BOTH
def test_tokens_are_explained_and_only_other_tokens_hide_them(explainer):
    inputs = keras.Input((6,), dtype="int32")
    embedded = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 4)(inputs))
    model = settled(keras.Model(inputs, keras.layers.Dense(3)(embedded)))
    tokens = np.array([[1, 2, 3, 0, 0, 0], [8, 7, 6, 5, 4, 0]])

    maps = explain(unpenalised(explainer), model, tokens, "all").maps

    assert maps.shape == (2, 6, 3)
    np.testing.assert_array_equal(np.abs(maps).max(axis=-1) > 1e-5, tokens != 0)
    with pytest.raises(ParameterError, match="whole numbers"):
        explain(explainer(baseline=0.5), model, tokens)


@BOTH
def test_the_segments_of_several_inputs_are_hidden_together(explainer, rows):
    inputs = {"pictures": keras.Input((4, 4, 1), name="pictures"), "table": keras.Input((5,), name="table")}
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(inputs["pictures"]), inputs["table"]])
    model = settled(keras.Model(inputs, keras.layers.Dense(2, name="head")(joined)))
    weights = model.get_layer("head").get_weights()[0]
    data = {"pictures": np.random.default_rng(9).normal(size=(4, 4, 4, 1)).astype("float32"), "table": rows}
    expected = {"pictures": data["pictures"] * weights[:16].reshape(4, 4, 2), "table": rows[..., None] * weights[16:]}

    found = explain(unpenalised(explainer), model, data, "all", details=True)

    for name, maps in expected.items():
        np.testing.assert_allclose(found.maps[name], maps, atol=1e-4)
    if explainer is kernel_shap:
        np.testing.assert_allclose(found.details["completeness_gap"], 0, atol=1e-4)


@BOTH
@pytest.mark.parametrize("samples", [1, 14, 25])
def test_samples_cost_a_row_each_and_no_budget_changes_a_map(explainer, samples, counting):
    maps = {}
    for budget in (1, 3, 6, 64):
        seen = counting.counted(
            lambda budget=budget: maps.update(
                {budget: explain(explainer(samples=samples), counting.model, counting.images, "all", batch_size=budget)}
            )
        )

        assert max(seen) <= budget
        assert sum(seen) == 6 * (samples + (1 if explainer is lime else 2))
    for budget in (3, 6, 64):
        np.testing.assert_allclose(maps[budget].maps, maps[1].maps, atol=1e-5 * np.abs(maps[1].maps).max())


@BOTH
def test_an_example_has_the_map_alone_that_it_has_among_others(explainer, pooled, images):
    together = explain(explainer(samples=60, segments=12), pooled, images, "all").maps
    alone = explain(explainer(samples=60, segments=12), pooled, images[3:4], 2).maps

    np.testing.assert_allclose(alone[0, ..., 0], together[3, ..., 2], atol=1e-5 * np.abs(alone).max())


@BOTH
def test_every_example_keeps_its_own_targets(explainer, pooled64, images64):
    targets = np.array([[0, 1], [2, 3], [3, 0], [1, 1], [2, 0]])
    explainer = explainer(samples=20, segments=8)
    every = explain(explainer, pooled64, images64, "all").maps
    expected = np.take_along_axis(every, targets[:, np.newaxis, np.newaxis], axis=-1)

    actual = explain(explainer, pooled64, images64, targets, batch_size=13).maps

    np.testing.assert_allclose(actual, expected, atol=1e-9)


@BOTH
def test_maps_are_linear_in_the_score(explainer, pooled64, images64):
    explainer = explainer(samples=50)
    every = explain(explainer, pooled64, images64, "all").maps
    expected = 2.0 * every[..., 0] - 3.0 * every[..., 3]

    actual = explain(explainer, pooled64, images64, lambda scores: 2.0 * scores[:, 0] - 3.0 * scores[:, 3] + 7.0).maps

    np.testing.assert_allclose(actual[..., 0], expected, atol=1e-6)  # fewer samples than segments: rounding shows


@BOTH
def test_seeds_and_levels_draw_other_coalitions(explainer, pooled, images):
    explainer = explainer(samples=20)
    one, other = (explain(explainer(seed=seed), pooled, images, 1).maps for seed in (0, 1))
    around = explain(smooth(explainer, noise=0.0, repetitions=2), pooled, images, 1).maps

    assert np.abs(one - other).max() > 0.01 * np.abs(one).max()
    np.testing.assert_allclose(around, one, atol=1e-5 * np.abs(one).max())
    assert find(repr(explainer)) == explainer


@BOTH
def test_the_standard_error_is_the_spread_over_seeds(explainer, wide):
    maps, errors = [], []
    for seed in range(8):
        found = explain(explainer(samples=300, seed=seed), wide.model, wide.rows, "all", details=True, batch_size=256)
        maps.append(found.maps)
        errors.append(found.details["standard_error"])
    spread = np.std(maps, axis=0, ddof=1).max(axis=1)  # [B, T]
    ratio = np.median(np.median(errors, axis=0) / spread)

    assert 1 / 1.5 < ratio < 1.5


@BOTH
def test_samples_are_taken_until_the_standard_error_is_below_the_tolerance(explainer, wide):
    one = explain(explainer(samples=320), wide.model, wide.rows, [[0, 2]] * 3, details=True)
    tolerance = float(np.median(one.details["standard_error"]))

    found = explain(explainer(tolerance=tolerance), wide.model, wide.rows, [[0, 2]] * 3, details=True)

    counts = found.details["samples"]
    assert (found.details["standard_error"] <= tolerance).all()
    assert (counts % BLOCK == 0).all()
    assert counts.min() < counts.max()
    for row, column in ((0, 0), (1, 1), (2, 0)):  # each example and target by itself, and as that number gives
        fixed = explain(
            explainer(samples=int(counts[row, column])), wide.model, wide.rows[row : row + 1], 2 * column, details=True
        )
        np.testing.assert_allclose(found.maps[row, :, column], fixed.maps[0, :, 0], atol=1e-9)
        for name in set(fixed.details) - {"completeness_gap"}:
            np.testing.assert_allclose(found.details[name][row, column], fixed.details[name][0, 0], rtol=1e-7)


@BOTH
def test_standard_errors_of_the_latest_samples_are_those_of_all(explainer, wide, monkeypatch):
    monkeypatch.setattr("xaikit.core.surrogates.WINDOW", 256)
    monkeypatch.setattr("xaikit.core.sampling.MOST", 1280)
    with pytest.warns(XaikitWarning, match="after 1280 samples the standard error"):
        found = explain(explainer(tolerance=1e-7), wide.model, wide.rows, 0, details=True, batch_size=256)
    all_of_them = explain(explainer(samples=1280), wide.model, wide.rows, 0, details=True, batch_size=256)

    np.testing.assert_allclose(found.maps, all_of_them.maps, atol=1e-9)
    ratio = found.details["standard_error"] / all_of_them.details["standard_error"]
    assert (np.abs(ratio - 1) < 0.2).all(), ratio


@BOTH
def test_xla_gives_the_same(explainer, pooled, images, monkeypatch):
    monkeypatch.setattr("xaikit.core.segments.available", lambda: False)
    explainer = explainer(tolerance=0.1, segments=16)
    expected = explain(explainer, pooled, images, 1, batch_size=12, details=True)

    actual = explain(explainer, pooled, images, 1, batch_size=12, jit=True, details=True)

    assert "jit" not in actual.notes
    np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-5 * np.abs(expected.maps).max())
    np.testing.assert_array_equal(actual.details["samples"], expected.details["samples"])
    np.testing.assert_allclose(actual.details["standard_error"], expected.details["standard_error"], rtol=1e-3)
