"""What a method costs, in rows of the model per example: the declarations say it, and here it is counted."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draws
from tests.oracles.counting import Aside
from tests.oracles.weights import settled
from xaikit import (
    attention_relevance,
    attention_rollout,
    cam,
    deconvnet,
    deeplift,
    explain,
    gradcampp,
    gradients,
    guided_backprop,
    hirescam,
    layercam,
    mc_dropout,
    quantiles,
    randomized,
    xgradcam,
)

ROWS = {
    cam: 1,
    gradcampp: 1,
    xgradcam: 1,
    hirescam: 1,
    layercam: 1,
    guided_backprop: 1,
    deconvnet: 1,
    mc_dropout(gradients, repetitions=3): 1 + 3,
    randomized(gradients): 1 + 1,
}


class Watched(keras.layers.Layer):
    """Hand on the inputs, and write down how many rows there were, beside the way that gradients take."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seen = []

    def call(self, inputs):
        def look(array):
            self.seen.append(len(array))
            return np.zeros((), array.dtype)

        nothing = tf.ensure_shape(tf.numpy_function(look, [inputs], inputs.dtype, stateful=False), [])
        return inputs + tf.stop_gradient(nothing)

    def compute_output_shape(self, shape):
        return shape


@pytest.fixture(scope="module")
def watched():
    inputs = keras.Input((8, 8, 2))
    features = keras.layers.Conv2D(3, 3, activation="relu")(Watched(name="watched")(inputs))
    pooled = keras.layers.Dropout(0.5)(keras.layers.GlobalAveragePooling2D()(features))
    return settled(keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(pooled)))


@pytest.fixture(scope="module")
def attending():
    inputs = keras.Input((8, 8, 2))
    tokens = keras.layers.Reshape((16, 4))(keras.layers.Conv2D(4, 2, strides=2)(Watched(name="watched")(inputs)))
    tokens = keras.layers.MultiHeadAttention(2, 2)(tokens, tokens)
    return settled(keras.Model(inputs, keras.layers.Dense(4)(keras.layers.GlobalAveragePooling1D()(tokens))))


def rows(explainer, model, targets="top1", **options):
    """How many rows the model saw for each of six examples."""
    seen = model.get_layer("watched").seen
    seen.clear()
    explain(explainer, model, draws((6, 8, 8, 2)), targets, batch_size=6, **options)
    assert max(seen) <= 6
    return sum(seen) / 6


@pytest.mark.parametrize("explainer", ROWS, ids=repr)
def test_a_method_sees_the_rows_that_it_says_whatever_the_number_of_targets(explainer, watched):
    assert rows(explainer, watched) == ROWS[explainer]
    assert rows(explainer, watched, "all") == ROWS[explainer]


@pytest.mark.parametrize("method", [attention_rollout, attention_relevance], ids=repr)
def test_attention_is_read_in_one_forward_pass(method, attending):
    assert rows(method, attending) == 1
    assert rows(method, attending, "all") == 1


def test_quantiles_of_one_run_cost_one_run(watched):
    seen = watched.get_layer("watched").seen
    seen.clear()
    quantiles(gradients, watched, draws((6, 8, 8, 2)), q=(0.1, 0.5, 0.9), repetitions=5, batch_size=6)

    assert sum(seen) / 6 == 1 + 5


def test_deeplift_runs_the_model_on_the_input_and_on_the_baseline():
    """It has no rule for the op that counts rows, so one beside the values counts them."""
    counter, inputs = Aside(), keras.Input((5,))
    hidden = keras.layers.Dense(4, activation="relu")(counter(inputs))
    model = settled(keras.Model(inputs, keras.layers.Dense(3)(hidden)))
    explain(deeplift, model, draws((6, 5)), "all", batch_size=6)

    assert sorted(counter.seen) == [1, 6]
