"""Scores of copies of a layer's features: layers that nothing asks for are not traced again."""

import keras
import numpy as np
import pytest

from tests.oracles.weights import settled
from xaikit import ablationcam, explain
from xaikit.core import tf

layers = keras.layers


def plain(inputs, first, second, **_):
    """One layer after the other."""
    features = first(inputs)
    return features, lambda features: second(features)


def around(inputs, first, second, **_):
    """What comes before the layer goes around it too."""
    features = first(inputs)
    return features, lambda features: second(layers.Concatenate()([features, inputs * 2.0]))


def dropped(inputs, first, second, **_):
    """In inference dropout hands on the very tensor of the layer before."""
    features = first(inputs)
    return features, lambda features: second(layers.Dropout(0.5)(features))


def shared(inputs, first, second, **_):
    """A block of layers is used before the layer that is read, and after it."""
    block = keras.Sequential([layers.Input((4, 4, 2)), layers.Dense(2, activation="tanh")], name="block")
    features = first(block(inputs))
    return features, lambda features: second(block(features))


def shaped(inputs, first, second, **_):
    """How many rows there are is asked of a tensor before the layer."""
    early = layers.Dense(2)(inputs)
    features = first(early)

    def head(features):
        return second(layers.Lambda(lambda pair: tf.reshape(pair[0], tf.shape(pair[1])))([features, early]))

    return features, head


def nested(inputs, first, second, **_):
    """The layer ends a model inside of the model."""
    entry = layers.Input((4, 4, 2))
    inner = keras.Model(entry, first(layers.Dense(2, activation="relu")(entry)), name="inner")
    return inner(inputs), lambda features: second(features)


@pytest.fixture(scope="module", params=[plain, around, dropped, shared, shaped, nested], ids=lambda f: f.__name__)
def case(request):
    inputs = keras.Input((4, 4, 2))
    first = layers.Conv2D(2, 3, padding="same", name="read")
    top = layers.Dense(3)
    middle = layers.Dense(4, activation="tanh")
    features, head = request.param(inputs, first, lambda x: top(layers.Flatten()(middle(x))))
    model = settled(keras.Model(inputs, head(features)))
    return model, keras.Model(inputs, features), keras.Model([inputs, features], model.output)


IMAGES = np.random.default_rng(6).normal(size=(3, 4, 4, 2)).astype("float32")


def lost(explained):
    """The maps without the division by the score, which is near 0 here and there."""
    return explained.maps * explained.scores[:, np.newaxis, np.newaxis]


def test_each_feature_is_taken_away_and_the_head_sees_the_rest(case):
    model, features, head = case
    values, scores = np.asarray(features(IMAGES)), np.asarray(model(IMAGES))
    drops = [scores - np.asarray(head([IMAGES, values * (np.arange(2) != k)])) for k in range(2)]
    expected = sum(values[..., [k]] * drops[k][:, np.newaxis, np.newaxis] for k in range(2))

    actual = lost(explain(ablationcam(layer="read"), model, IMAGES, "all", batch_size=4))

    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


def test_rows_of_a_known_number_are_replaced_by_more(case):
    model, *_ = case
    expected = lost(explain(ablationcam(layer="read"), model, IMAGES, "all", batch_size=3, jit=False))

    actual = lost(explain(ablationcam(layer="read"), model, IMAGES, "all", batch_size=6, jit=True))

    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


class Seen(layers.Layer):
    """A layer that counts how often it is traced."""

    def __init__(self, **options):
        super().__init__(**options)
        self.times = 0

    def call(self, x):
        self.times += 1
        return x * 1.5


def test_a_layer_that_nothing_asks_for_is_traced_once_and_one_of_the_head_again():
    before, after = Seen(name="before"), Seen(name="after")
    inputs = keras.Input((4, 4, 2))
    features = layers.Conv2D(2, 1, name="read")(before(inputs))
    model = settled(keras.Model(inputs, layers.Dense(3)(layers.Flatten()(after(features)))))
    before.times = after.times = 0

    explain(ablationcam(layer="read"), model, IMAGES)

    assert (before.times, after.times) == (1, 2)
