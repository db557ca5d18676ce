"""Layers with weights from the scores down: by where they are used, however the model is written."""

import keras
import numpy as np
import tensorflow as tf

from tests.oracles.vits import vit
from xaikit.core import as_view
from xaikit.core.depth import from_scores_down


def names(model, spec=None):
    return list(from_scores_down(as_view(model, spec)))


def test_layers_of_nested_models_come_in_the_order_of_their_use():
    inner = keras.Input((6, 6, 2))
    features = keras.layers.Conv2D(8, 3, name="conv")(inner)
    backbone = keras.Model(inner, keras.layers.BatchNormalization(name="norm")(features), name="backbone")
    inputs = keras.Input((6, 6, 2))
    head = keras.layers.Dense(3, name="head")
    model = keras.Model(inputs, head(keras.layers.Flatten()(backbone(inputs))))

    found = from_scores_down(as_view(model))

    assert list(found) == ["head", "backbone/norm", "backbone/conv"]
    assert [len(found[path]) for path in found] == [2, 4, 2]


def test_order_is_that_of_use_and_not_that_in_which_layers_were_made():
    class Upside(keras.Model):
        def __init__(self):
            super().__init__()
            self.last, self.first = keras.layers.Dense(2, name="last"), keras.layers.Dense(4, name="first")
            self.factor = self.add_weight(shape=(4,), name="factor")

        def call(self, inputs):
            return self.last(self.first(inputs) * self.factor)

    model = Upside()
    model(np.zeros((1, 3), "float32"))

    assert names(model, tf.TensorSpec([None, 3], tf.float32)) == ["last", model.name, "first"]


def test_a_shared_layer_counts_where_it_is_used_last():
    shared, middle = keras.layers.Dense(4, name="shared"), keras.layers.Dense(4, name="middle")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, shared(middle(shared(inputs))))

    assert names(model) == ["shared", "middle"]


def test_layers_on_which_the_scores_do_not_depend_are_left_out():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(4, name="hidden")(inputs)
    heads = [keras.layers.Dense(2, name="a")(hidden), keras.layers.Dense(2, name="b")(hidden)]
    scaled = keras.layers.Normalization(mean=0.0, variance=1.0, name="scaled")

    assert names(keras.Model(inputs, heads)) in (["b", "a", "hidden"], ["a", "b", "hidden"])
    assert list(from_scores_down(as_view(keras.Model(inputs, heads)).changed(output="a"))) == ["a", "hidden"]
    assert names(keras.Model(inputs, keras.layers.Dense(2, name="only")(scaled(inputs)))) == ["only"]
    assert names(keras.Model(inputs, keras.layers.ReLU()(inputs))) == []


def test_weights_within_loops_and_attention_are_seen():
    inputs = keras.Input((5, 3))
    recurrent = keras.Model(inputs, keras.layers.Dense(2, name="head")(keras.layers.GRU(4, name="gru")(inputs)))
    found = names(vit(blocks=1))

    assert names(recurrent) == ["head", "gru/gru_cell"]
    assert found[:4] == ["head", "norm", "narrow0", "wide0"]
    assert set(found[5:9]) == {f"attention0/{part}" for part in ("attention_output", "query", "key", "value")}
    assert found[-2:] == ["tokens", "patches"]
