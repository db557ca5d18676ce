"""smooth: the average over noisy copies, whose noise an explainer that echoes its inputs makes visible."""

import warnings

import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from tests.oracles.explainers import constant, echo, squared
from xaikit import explain, gradcam, gradients, smooth, tta
from xaikit.errors import ParameterError


def noise_of(model, inputs, repetitions, **options):
    """What `smooth` adds to the inputs in each copy: [repetitions, *input], from the means of 1, 2, ... copies."""
    means = [
        explain(smooth(echo, repetitions=n, **options), model, inputs[:1]).maps[0, ..., 0] - inputs[0]
        for n in range(1, repetitions + 1)
    ]
    return [means[0]] + [(n + 1) * means[n] - n * means[n - 1] for n in range(1, repetitions)]


@pytest.mark.parametrize("explainer", [gradients, smooth(gradients, repetitions=2), tta(gradcam, scales=())], ids=str)
def test_smoothing_without_noise_changes_nothing(explainer, pooled64, images64):
    expected = explain(explainer, pooled64, images64)

    actual = explain(smooth(explainer, noise=0, repetitions=3), pooled64, images64)

    np.testing.assert_array_equal(actual.scores, expected.scores)
    np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-15)


@pytest.mark.parametrize("explainer", [gradients, gradcam], ids=str)
def test_one_repetition_is_the_map_of_one_noisy_copy(explainer, pooled64, images64):
    (noise,) = noise_of(pooled64, images64, 1, seed=4)
    target = explain(explainer, pooled64, images64).targets
    expected = explain(explainer, pooled64, images64 + noise, target).maps

    actual = explain(smooth(explainer, repetitions=1, seed=4), pooled64, images64).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize("reduce", ["mean", "square", "variance"])
def test_several_repetitions_are_reduced_as_the_papers_say(reduce, pooled64, images64):
    noises = noise_of(pooled64, images64, 3)
    targets = explain(gradients, pooled64, images64).targets
    copies = np.stack([explain(gradients, pooled64, images64 + noise, targets).maps for noise in noises])
    written = {
        "mean": copies.mean(axis=0),
        "square": (copies**2).mean(axis=0),
        "variance": ((copies - copies.mean(axis=0)) ** 2).mean(axis=0),
    }
    expected = written[reduce]

    actual = explain(smooth(gradients, repetitions=3, reduce=reduce), pooled64, images64).maps

    np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_the_scores_are_those_of_the_clean_input(pooled, images):
    expected = explain(gradients, pooled, images, 2).scores

    actual = explain(smooth(gradients, noise=5.0, repetitions=2), pooled, images, 2).scores

    np.testing.assert_array_equal(actual, expected)


def test_every_example_gets_the_same_draws(pooled64, images64):
    maps = explain(smooth(echo, repetitions=2), pooled64, images64).maps[..., 0]

    noise = maps - images64
    np.testing.assert_allclose(noise, np.broadcast_to(noise[:1], noise.shape), atol=1e-15)
    assert np.abs(noise).min() > 0


@pytest.mark.parametrize(("noise", "repetitions"), [(0.0, 1), (10.0, 4)])
def test_of_a_linear_score_the_smoothed_gradient_is_its_weights(noise, repetitions, linear64, rectangles64):
    expected = explain(gradients, linear64, rectangles64, "all").maps

    actual = explain(smooth(gradients, noise=noise, repetitions=repetitions), linear64, rectangles64, "all").maps

    np.testing.assert_allclose(actual, expected, atol=1e-13)


def test_of_a_linear_score_the_variance_is_nothing(linear64, rectangles64):
    maps = explain(smooth(gradients, noise=10.0, reduce="variance"), linear64, rectangles64).maps

    assert maps.min() >= 0
    assert maps.max() < 1e-25


def test_the_variance_is_the_mean_square_less_the_squared_mean_and_never_negative(pooled, images):
    mean, square, variance = (
        explain(smooth(gradients, repetitions=6, noise=0.3, reduce=reduce), pooled, images).maps
        for reduce in ("mean", "square", "variance")
    )

    assert variance.min() >= 0
    np.testing.assert_allclose(variance, square - mean**2, atol=1e-6)


def test_without_noise_the_variance_is_exactly_nothing(pooled, images):
    maps = explain(smooth(gradients, noise=0, repetitions=5, reduce="variance"), pooled, images).maps

    assert (maps == 0).all()


def test_the_variance_of_large_values_is_not_negative(pooled, images):
    maps = explain(smooth(echo, repetitions=8, noise=0.1, reduce="variance"), pooled, images + 1000).maps

    assert maps.min() >= 0
    np.testing.assert_allclose(maps.mean(), 1e-2, rtol=0.5)


def test_noise_is_in_the_inputs_own_units(pooled64, images64):
    one, ten = (explain(smooth(echo, noise=n, repetitions=1), pooled64, images64).maps[..., 0] for n in (1.0, 10.0))

    np.testing.assert_allclose(ten - images64, 10 * (one - images64), atol=1e-10)
    np.testing.assert_allclose((one - images64)[0].std(), 1, atol=0.2)


def test_relative_noise_is_a_share_of_each_examples_range(pooled64, images64):
    scaled = images64 * np.array([1.0, 2.0, 3.0, 5.0, 10.0])[:, None, None, None]
    spans = scaled.max(axis=(1, 2, 3), keepdims=True) - scaled.min(axis=(1, 2, 3), keepdims=True)
    plain = explain(smooth(echo, noise=0.2, repetitions=1), pooled64, scaled).maps[..., 0] - scaled
    expected = plain * spans

    actual = explain(smooth(echo, noise=0.2, repetitions=1, relative=True), pooled64, scaled).maps[..., 0] - scaled

    np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_another_seed_draws_other_noise_and_the_same_seed_the_same(pooled64, images64):
    first, again, other = (
        explain(smooth(echo, seed=seed, repetitions=1), pooled64, images64).maps for seed in (3, 3, 4)
    )

    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).min() > 0


def test_the_error_of_the_mean_falls_with_the_root_of_the_repetitions(pooled64):
    zeros = np.zeros((1, 8, 8, 3))
    sizes = [explain(smooth(echo, noise=1.0, repetitions=n), pooled64, zeros).maps.std() for n in (4, 64)]

    np.testing.assert_allclose(sizes, [1 / 2, 1 / 8], rtol=0.2)


def test_two_levels_do_not_draw_the_same_noise(pooled64):
    zeros = np.zeros((1, 8, 8, 3))
    twice = smooth(smooth(squared, noise=1.0, repetitions=4), noise=1.0, repetitions=4)
    maps = explain(twice, pooled64, zeros).maps
    error = maps.std() / np.sqrt(maps.size)

    assert abs(maps.mean() - 2) < 4 * error
    assert abs(maps.mean() - 2.5) > 4 * error  # what shared draws give


def test_the_average_of_a_constant_is_that_constant(pooled, images):
    maps = explain(smooth(constant(value=3.0), repetitions=7, noise=2.0), pooled, images).maps

    np.testing.assert_allclose(maps, 3, rtol=1e-6)


def test_the_best_class_is_that_of_the_clean_input_for_every_copy(pooled, images):
    targets = explain(gradients, pooled, images).targets
    loud = smooth(gradients, noise=20.0, repetitions=4)
    expected = explain(loud, pooled, images, targets).maps

    result = explain(loud, pooled, images)

    np.testing.assert_array_equal(result.targets, targets)
    np.testing.assert_array_equal(result.maps, expected)


def test_the_model_sees_each_copy_and_the_clean_input_once():
    rows = RowsOf()

    seen = rows.counted(lambda: explain(smooth(gradients, repetitions=5), rows.model, rows.images, batch_size=6))

    assert sum(seen) == 6 * (5 + 1)


def test_noise_that_is_nothing_next_to_the_range_is_warned_of(pooled, images):
    with pytest.warns(UserWarning, match="less than a thousandth of the inputs' range"):
        explain(smooth(gradients, noise=1e-3), pooled, images * 255)


def test_noise_of_a_useful_size_and_no_noise_are_not_warned_of(pooled, images):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explain(smooth(gradients, noise=0, repetitions=1), pooled, images * 255)
        explain(smooth(gradients, noise=1.0, repetitions=1), pooled, images)


def test_a_count_refuses_zero():
    with pytest.raises(ParameterError, match="repetitions must be at least 1, not 0"):
        smooth(gradcam, repetitions=0)


def test_noise_refuses_negative_numbers_and_infinity():
    with pytest.raises(ParameterError, match=r"noise must be at least 0, not -0\.1"):
        smooth(gradcam, noise=-0.1)
    with pytest.raises(ParameterError, match="noise must be a finite number, not inf"):
        smooth(gradcam, noise=float("inf"))


@pytest.mark.parametrize(("model", "inputs"), [("table", "rows"), ("series", "waves"), ("volumes", "blocks")])
def test_inputs_of_any_rank_are_smoothed(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)

    maps = explain(smooth(gradients, repetitions=3), model, inputs).maps

    assert maps.shape == (*inputs.shape, 1)
