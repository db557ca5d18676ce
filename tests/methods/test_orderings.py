"""What the pages say of how methods compare on the embedded pictures: the order of the figures, with a margin."""

import numpy as np
import pytest

from xaikit import explain, gradients, guided_backprop, randomized
from xaikit.demo import model_path, shapes
from xaikit.models import load


@pytest.fixture(scope="module")
def drawn():
    return shapes(24, side=64, seed=3)


@pytest.fixture(scope="module")
def model():
    return load(model_path())


def share_inside(explainer, model, drawn):
    """How much of the evidence for the class lies on the shape, the mean over the pictures."""
    heat = np.maximum(explain(explainer, model, drawn.images).maps[..., 0].sum(axis=-1), 0)
    return ((heat * drawn.masks).sum(axis=(1, 2)) / heat.sum(axis=(1, 2))).mean()


def agreement(first, second):
    """The rank correlation of the sizes of maps, the mean over the pictures."""
    ranks = [np.abs(maps).reshape(len(maps), -1).argsort(axis=1).argsort(axis=1) for maps in (first, second)]
    return np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(*ranks, strict=True)])


def test_composites_of_lrp_lie_on_the_shapes_most_then_deeplift_then_slopes(model, drawn):
    shares = [
        share_inside(explainer, model, drawn)
        for explainer in ('lrp(rule="epsilon_plus")', "deeplift", "input_x_gradient", "gradients")
    ]

    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[1] + 0.08
    assert shares[-1] > 2 * drawn.masks.mean()  # chance is the shapes' share of the picture
    assert share_inside('lrp(rule="epsilon_gamma_box")', model, drawn) > shares[1] + 0.08
    assert abs(share_inside("lrp", model, drawn) - shares[2]) < 0.01


def test_guided_backprop_hardly_sees_the_class_or_the_head_and_gradients_do(model, drawn):
    agreements = {}
    for method in (gradients, guided_backprop):
        both = explain(method, model, drawn.images, "top2").maps
        redrawn = explain(randomized(method, layers="class"), model, drawn.images).maps[..., 0]
        agreements[method] = agreement(both[..., 0], both[..., 1]), agreement(both[..., 0], redrawn)

    assert min(agreements[guided_backprop]) > 0.8
    assert max(agreements[gradients]) < 0.7
