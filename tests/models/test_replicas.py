"""A model that was made outside of a strategy's scope is copied to all of its devices."""

import numpy as np
import pytest
import tensorflow as tf

from xaikit import explain
from xaikit.core import keras
from xaikit.errors import ModelError, UsageError
from xaikit.models import replicated


@keras.saving.register_keras_serializable("tests")
class Own(keras.Model):
    def __init__(self, units=3, **options):
        super().__init__(**options)
        self.units = units
        self.hidden = keras.layers.Dense(4, activation="relu")
        self.head = keras.layers.Dense(units)

    def call(self, inputs):
        return self.head(self.hidden(inputs))

    def get_config(self):
        return super().get_config() | {"units": self.units}


class Closed(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.head = keras.layers.Dense(units)

    def call(self, inputs):
        return self.head(inputs)


@pytest.fixture(scope="module")
def strategy():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.mark.parametrize("text", ["gradients", "gradcam"])
def test_the_copy_gives_the_same_maps_on_all_devices(pooled, images, strategy, text):
    expected = explain(text, pooled, images, batch_size=2)

    copy = replicated(pooled, strategy)
    actual = explain(text, copy, images, batch_size=2)

    assert copy.distribute_strategy.num_replicas_in_sync == 2
    np.testing.assert_allclose(actual.maps, expected.maps, rtol=0, atol=1e-6 * np.abs(expected.maps).max())
    np.testing.assert_array_equal(actual.targets, expected.targets)


def test_by_default_all_devices_are_taken_and_a_model_that_is_there_stays(table):
    copy = replicated(table)

    assert copy.distribute_strategy.num_replicas_in_sync == len(tf.config.list_logical_devices("CPU"))
    assert replicated(copy, copy.distribute_strategy) is copy


def test_a_subclassed_model_with_a_configuration_is_copied(rows, strategy):
    model = Own()
    model(rows)

    copy = replicated(model, strategy)

    np.testing.assert_array_equal(explain("gradients", copy, rows).maps, explain("gradients", model, rows).maps)


def test_a_model_that_cannot_be_made_anew_is_refused_in_one_sentence(rows, strategy):
    model = Closed(3)
    model(rows)

    with pytest.raises(ModelError, match=r"cannot be made anew from its configuration: make or load it inside of"):
        replicated(model, strategy)


def test_what_is_no_model_is_refused(strategy):
    with pytest.raises(UsageError, match=r"must be a keras\.Model"):
        replicated("model", strategy)
