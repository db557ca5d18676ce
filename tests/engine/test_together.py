"""Several explainers at once: each gives what it gives alone, and what they have in common runs once."""

import numpy as np
import pytest

from tests.oracles.counting import RowsOf
from xaikit import explain, gradcam, gradients, randomized, smooth, stream
from xaikit.errors import UnknownName, UsageError

SEVERAL = [gradients, "gradcam", smooth(gradients, repetitions=3), randomized(gradcam)]


@pytest.fixture(scope="module")
def together(model, images):
    return explain(SEVERAL, model, images, batch_size=4, details=True)


@pytest.mark.parametrize("place", range(4))
def test_each_of_several_explainers_gives_what_it_gives_alone(together, model, images, place):
    alone = explain(SEVERAL[place], model, images, batch_size=4, details=True)

    found = together[place]

    np.testing.assert_allclose(found.maps, alone.maps, rtol=0, atol=1e-6 * np.abs(alone.maps).max())
    np.testing.assert_allclose(found.scores, alone.scores, rtol=1e-6)
    assert found.explainer == alone.explainer
    assert found.notes == alone.notes
    assert found.details.keys() == alone.details.keys()


def test_the_forward_pass_that_several_explainers_have_in_common_runs_once():
    small = RowsOf()

    rows = small.counted(lambda: explain(["gradients", "gradcam", "input_x_gradient"], small.model, small.images))

    assert rows == [6]


def test_several_explainers_are_traced_once(model, images, together):
    from xaikit.engine.compiled import _cache

    before = len(_cache[model])

    explain([*SEVERAL[:3], randomized(gradcam)], model, images[:3], 1, batch_size=4, details=True)

    assert len(_cache[model]) == before


def test_a_stream_of_several_explainers_gives_a_list_for_each_batch(together, model, images):
    parts = list(stream(SEVERAL, model, images, batch_size=4))

    assert [len(part) for part in parts] == [4, 4]
    np.testing.assert_array_equal(np.concatenate([part[1].maps for part in parts]), together[1].maps)


def test_a_list_of_one_explainer_gives_a_list(model, images):
    (found,) = explain(["gradients"], model, images)

    np.testing.assert_array_equal(found.maps, explain("gradients", model, images).maps)


def test_no_explainer_is_refused(model, images):
    with pytest.raises(UsageError, match="There is no explainer: the list is empty"):
        explain([], model, images)


def test_the_one_of_several_that_is_unknown_is_named(model, images):
    with pytest.raises(UnknownName, match="'gradcan'"):
        explain(["gradients", "gradcan"], model, images)
