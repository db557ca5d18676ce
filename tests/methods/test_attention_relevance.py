"""Attention relevance: attention times its gradient, added up over the layers."""

import keras
import numpy as np
import pytest

from tests.oracles.networks import slope_by_differences
from tests.oracles.vits import Written, pictures, vit
from xaikit import attention_relevance, explain
from xaikit.errors import ModelError

CASES = {
    "class token": {"heads": 2},
    "pooled": {"special": 0, "pooled": True},
    "registers": {"special": 2, "heads": 1, "width": 4},
}


def written_out(oracle, image, target):
    """The rules of self-attention, with gradients of the logit by central differences: [N, N]."""
    _, attention = oracle.run(image)
    relevance = np.eye(attention[0].shape[-1])
    for number, weights in enumerate(attention):

        def logit(given, number=number):
            return oracle.run(image, {number: given})[0][target]

        slopes = slope_by_differences(logit, weights, step=1e-5)
        relevance = relevance + np.maximum(slopes * weights, 0).mean(axis=0) @ relevance
    return relevance


@pytest.mark.parametrize("case", CASES)
def test_attention_relevance_is_what_the_paper_says(case):
    options = {"size": (4, 6), **CASES[case]}
    model, images = vit(**options), pictures((4, 6), count=2)
    oracle = Written(model, heads=options.get("heads", 2))
    special = options.get("special", 1)
    expected = np.zeros((2, 2, 3, 3))
    for i, image in enumerate(images):
        for target in range(3):
            every = written_out(oracle, image, target)
            row = every.mean(axis=0) if oracle.pooled else every[0]
            expected[i, ..., target] = row[special:].reshape(2, 3)

    result = explain(attention_relevance, model, images, "all")

    assert result.maps.dtype == np.float64
    np.testing.assert_allclose(result.maps, expected, atol=1e-6)


def test_without_a_gradient_other_tokens_have_no_relevance():
    model, images = vit(), pictures()

    maps = explain(attention_relevance, model, images, lambda scores: 0 * scores[:, 0]).maps

    np.testing.assert_array_equal(maps, np.zeros((3, 4, 4, 1)))


def test_the_token_that_is_read_is_relevant_for_itself():
    model = vit(0, blocks=1)  # no class token: the first patch is read

    maps = explain(attention_relevance, model, pictures(), lambda scores: 0 * scores[:, 0]).maps

    expected = np.zeros((3, 4, 4, 1))
    expected[:, 0, 0] = 1
    np.testing.assert_array_equal(maps, expected)


def test_the_target_matters():
    maps = explain(attention_relevance, vit(), pictures(), "all").maps

    assert not np.allclose(maps[..., 0], maps[..., 1])
    assert (maps >= 0).all()


def test_some_targets_are_all_targets_then_picked():
    model, images = vit(), pictures()
    every = explain(attention_relevance, model, images, "all").maps

    actual = explain(attention_relevance, model, images, [[2, 0, 2]] * 3).maps

    np.testing.assert_allclose(actual, every[..., [2, 0, 2]], rtol=1e-12)


def test_texts_of_whole_numbers_have_a_value_for_each_token():
    from tests.methods.test_attention_rollout import TEXTS, encoder

    maps = explain(attention_relevance, encoder(lambda x: x[:, 0]), TEXTS, "all").maps

    assert maps.shape == (2, 6, 3)
    assert (maps[:, 0] >= 1).all()  # the token that is read
    assert maps[:, 1:].max() > 0


def test_xla_and_half_precision_change_nothing_else():
    full, half = vit(size=(4, 4), dtype="float32"), vit(size=(4, 4), dtype=keras.DTypePolicy("mixed_float16"))
    images = pictures((4, 4), dtype="float32")
    expected = explain(attention_relevance, full, images, "all", jit=False).maps

    compiled = explain(attention_relevance, full, images, "all", jit=True).maps
    halved = explain(attention_relevance, half, images, "all").maps

    assert expected.dtype == halved.dtype == np.float32
    np.testing.assert_allclose(compiled, expected, atol=1e-5 * expected.max())
    np.testing.assert_allclose(halved, expected, atol=0.03 * expected.max())


def test_neighbours_change_nothing():
    model, images = vit(), pictures()
    expected = explain(attention_relevance, model, images).maps

    alone = np.concatenate([explain(attention_relevance, model, images[i : i + 1]).maps for i in range(3)])

    np.testing.assert_allclose(alone, expected, rtol=1e-12)


def test_a_model_without_attention_is_refused(pooled):
    with pytest.raises(ModelError, match="No attention is seen in model 'pooled'"):
        attention_relevance.bind(pooled)
