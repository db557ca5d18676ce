"""The map of another class: which one, and how alike it is."""

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.oracles.counting import RowsOf
from xaikit import eigencam, explain, gradcam, gradients, random_logit
from xaikit.core import tf
from xaikit.errors import ModelError
from xaikit.metrics.random_logit import _partners
from xaikit.targets import difference


def partners(classes, seed=0):
    return tf.function(lambda: _partners(classes, seed))().numpy()


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
def test_each_class_has_a_partner_of_its_own_and_never_itself(classes):
    found = partners(classes)

    assert (found != np.arange(classes)).all()
    assert ((found >= 0) & (found < classes)).all()
    if classes > 3:
        assert len(np.unique((found - np.arange(classes)) % classes)) > 2
        assert (partners(classes, 1) != found).any()


def test_the_score_is_the_likeness_to_the_map_of_another_class(pooled, images):
    every = explain(gradients, pooled, images, "all").maps
    targets = explain(gradients, pooled, images).targets[:, 0]
    alike = np.array(
        [
            [spearmanr(m[..., t].ravel(), m[..., o].ravel())[0] for o in range(4)]
            for m, t in zip(every, targets, strict=True)
        ]
    )

    found = random_logit(gradients, pooled, images)

    others = [int(np.abs(row - value).argmin()) for row, value in zip(alike, found, strict=True)]
    np.testing.assert_allclose(found, alike[range(5), others], atol=1e-4)
    assert (np.array(others) != targets).all()
    assert all(len({o for o, t in zip(others, targets, strict=True) if t == target}) == 1 for target in targets)


def test_a_map_that_is_the_same_for_every_class_has_one(pooled, images):
    np.testing.assert_allclose(random_logit(eigencam, pooled, images), 1, atol=1e-9)


def test_with_two_opposite_classes_the_map_is_the_negative():
    inputs = keras.Input((6, 6, 2))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 3, activation="relu")(inputs))
    head = keras.layers.Dense(2, name="head")
    model = keras.Model(inputs, head(pooled))
    head.set_weights([np.array([[1, -1], [2, -2], [-0.5, 0.5]]), np.zeros(2)])
    pictures = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype("float32")

    np.testing.assert_allclose(random_logit(gradcam, model, pictures), -1, atol=1e-9)


def test_neither_batches_nor_several_targets_nor_xla_change_a_score(pooled, images):
    metric = random_logit(similarity="pearson", seed=3)
    expected = metric(gradcam, pooled, images, [0, 1, 2, 3, 0])

    every = metric(gradcam, pooled, images, "all")
    turned = metric(gradcam, pooled, images[::-1], [0, 3, 2, 1, 0], batch_size=2)
    compiled = metric(gradcam, pooled, images, [0, 1, 2, 3, 0], jit=True)

    np.testing.assert_allclose(turned[::-1], expected, atol=1e-5)
    np.testing.assert_allclose(every[range(5), [0, 1, 2, 3, 0]], expected, atol=1e-5)
    np.testing.assert_allclose(compiled, expected, atol=1e-5)


def test_the_cost_is_that_of_one_more_explanation():
    rows = RowsOf()

    assert rows.counted(lambda: random_logit(gradients, rows.model, rows.images)) == [6]  # both classes in one pass


def test_without_another_class_it_is_refused(pooled, images):
    inputs = keras.Input((6, 6, 2))
    one = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs)))

    with pytest.raises(ModelError, match="has one output alone"):
        random_logit(gradients, one, np.zeros((2, 6, 6, 2), "float32"))
    for target in (lambda scores: scores[:, 0], difference(0, 1)):
        with pytest.raises(ModelError, match="a target function has none"):
            random_logit(gradients, pooled, images, target)
