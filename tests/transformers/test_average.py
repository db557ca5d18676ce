"""average: the mean of several maps on a common grid."""

import numpy as np
import pytest

from tests.oracles import grids
from tests.oracles.counting import RowsOf
from tests.oracles.explainers import coarse, constant, echo
from xaikit import average, explain, find, gradcam, gradients, normalize, positive, smooth
from xaikit.errors import UsageError


def test_input_shaped_maps_are_averaged_as_they_are(pooled64, images64):
    expected = np.mean([explain(e, pooled64, images64, 1).maps for e in (gradients, echo, constant)], axis=0)

    actual = explain(average(gradients, echo, constant), pooled64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_location_maps_on_one_grid_are_averaged_there(pooled64, images64):
    expected = np.mean([explain(e, pooled64, images64, 1).maps for e in (gradcam, coarse)], axis=0)

    actual = explain(average(gradcam, coarse), pooled64, images64, 1).maps

    assert actual.shape == (5, 4, 4, 1)
    np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_location_maps_on_different_grids_meet_at_the_inputs_positions(pooled64, images64):
    expected = (grids.each(explain(gradcam, pooled64, images64, 1).maps, (8, 8)) + 2) / 2

    actual = explain(average(gradcam, constant(value=2.0, located=True)), pooled64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("explainers", [(gradcam, gradients, echo), (gradients, gradcam, echo)], ids=str)
def test_next_to_attributions_a_location_map_counts_for_every_channel(explainers, pooled64, images64):
    located = grids.each(explain(gradcam, pooled64, images64, 1).maps, (8, 8))[:, :, :, np.newaxis]
    others = [explain(e, pooled64, images64, 1).maps for e in (gradients, echo)]
    expected = (located + others[0] + others[1]) / 3

    actual = explain(average(*explainers), pooled64, images64, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("explainer", [gradcam, gradients], ids=str)
def test_the_average_of_one_explainer_is_that_explainer(explainer, pooled, images):
    expected = explain(explainer, pooled, images)

    actual = explain(average(explainer), pooled, images)

    np.testing.assert_array_equal(actual.maps, expected.maps)
    np.testing.assert_array_equal(actual.scores, expected.scores)


def test_an_ensemble_weighs_normalised_maps_alike(pooled64, images64):
    parts = normalize(positive(gradcam)), normalize(positive(coarse))
    expected = sum(explain(part, pooled64, images64).maps for part in parts) / 2

    actual = explain(average(*parts), pooled64, images64).maps

    np.testing.assert_allclose(actual, expected, atol=1e-12)
    assert 0 <= actual.min() <= actual.max() <= 1


@pytest.mark.parametrize(("model", "inputs"), [("table", "rows"), ("series", "waves"), ("volumes", "blocks")])
def test_inputs_of_any_rank_have_averages(model, inputs, request):
    model, inputs = request.getfixturevalue(model), request.getfixturevalue(inputs)
    expected = (explain(gradients, model, inputs, 1).maps + inputs[..., np.newaxis]) / 2

    actual = explain(average(gradients, echo), model, inputs, 1).maps

    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_the_scores_are_those_of_the_clean_input(pooled, images):
    expected = explain(gradients, pooled, images).scores

    actual = explain(average(smooth(gradcam, repetitions=2), gradients), pooled, images).scores

    np.testing.assert_array_equal(actual, expected)


def test_the_clean_input_runs_once_for_all():
    counting = RowsOf()
    explainer = average(gradcam, gradients, smooth(gradcam, repetitions=2))

    seen = counting.counted(lambda: explain(explainer, counting.model, counting.images, 1, batch_size=6))

    assert sum(seen) == 6 * (1 + 2)
    assert max(seen) <= 6


def test_it_reads_back_as_it_is_written():
    explainer = average(gradcam, smooth(gradients, repetitions=3), gradients)

    assert repr(explainer) == "average(gradcam, smooth(gradients, repetitions=3), gradients)"
    assert find(repr(explainer)) == explainer


def test_without_an_explainer_it_is_not_complete(pooled):
    with pytest.raises(UsageError, match="'average' is not complete"):
        average.bind(pooled)
