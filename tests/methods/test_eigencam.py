"""Eigen-CAM: the projection on the first right singular vector, with a sign of its own."""

import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.networks import Pooled
from xaikit import eigencam, explain
from xaikit.errors import ModelError


def written_out(features):
    """The singular value decomposition of each example's [P, K], and the sum's sign: [B, h, w, K] to [B, h, w]."""
    maps = []
    for each in features:
        table = each.reshape(-1, each.shape[-1])
        projected = table @ np.linalg.svd(table)[2][0]
        maps.append((-projected if projected.sum() < 0 else projected).reshape(each.shape[:-1]))
    return np.stack(maps)


@pytest.mark.parametrize("side", [8, 4], ids=["more positions than features", "more features than positions"])
def test_eigencam_is_what_the_paper_says(side, pooled64, images64):
    inputs = images64[:, :side, :side]
    expected = written_out(Pooled(pooled64).features(inputs))

    actual = explain(eigencam, pooled64, inputs, 1).maps[..., 0]

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_the_target_does_not_matter(pooled64, images64):
    expected = explain(eigencam, pooled64, images64, 0).maps

    actual = explain(eigencam, pooled64, images64, "all").maps

    np.testing.assert_array_equal(actual, np.repeat(expected, 4, axis=-1))


@pytest.mark.parametrize("side", [8, 4])
def test_the_order_of_the_features_does_not_matter(side, pooled64, images64, changed):
    inputs, order = images64[:, :side, :side], [3, 0, 4, 1, 2]
    permuted = changed(
        pooled64,
        conv2=lambda kernel, bias: [kernel[..., order], bias[order]],
        head=lambda kernel, bias: [kernel[order], bias],
    )
    expected = explain(eigencam, pooled64, inputs, 1).maps

    actual = explain(eigencam, permuted, inputs, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_a_map_adds_up_to_no_less_than_nothing_whatever_the_features_sign(given64):
    features = np.random.default_rng(7).normal(size=(6, 4, 4, 2)) - 0.3
    expected = explain(eigencam, given64, features, 1).maps

    actual = explain(eigencam, given64, -features, 1).maps

    assert (actual.sum(axis=(1, 2)) >= 0).all()
    np.testing.assert_allclose(actual, expected, atol=1e-12)
    np.testing.assert_allclose(actual[..., 0], written_out(features), atol=1e-12)


def test_after_a_relu_no_position_is_negative(pooled64, images64):
    maps = explain(eigencam, pooled64, images64, 1).maps

    assert (maps >= -1e-12).all()
    assert maps.any()


@pytest.mark.parametrize("size", [0.0, 1e-160, 1e160])
def test_features_of_any_size_have_a_finite_map(size, given64):
    features = np.random.default_rng(7).normal(size=(2, 4, 4, 2))
    expected = size * explain(eigencam, given64, features, 1).maps

    actual = explain(eigencam, given64, size * features, 1).maps

    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=0)


def test_xla_gives_the_same_where_positions_are_few(pooled, images):
    expected = explain(eigencam, pooled, images[:, :4, :4], 1, jit=False).maps

    actual = explain(eigencam, pooled, images[:, :4, :4], 1, jit=True).maps

    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


def test_an_example_costs_one_forward_pass():
    counting = RowsOf()

    seen = counting.counted(lambda: explain(eigencam, counting.model, counting.images, "all", batch_size=3))

    assert seen == [3, 3]


def test_a_table_has_no_layer_with_positions(table, rows):
    with pytest.raises(ModelError, match="No layer on the way to the scores of model 'table' has positions"):
        explain(eigencam, table, rows)
