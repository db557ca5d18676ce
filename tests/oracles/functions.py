"""Models that are plain functions of a few numbers, and the baselines made of inputs: what can be written down."""

from functools import cache

import keras
import tensorflow as tf

from xaikit import method
from xaikit.core import Explanation, forward
from xaikit.core.baselines import baselines


def model_of(function, features, name="function"):
    """Make a model of tables [B, features], in float64, whose one score is `function` of the columns."""
    inputs = keras.Input((features,), dtype="float64")

    def score(values):
        return function(*(values[:, i : i + 1] for i in range(features)))

    outputs = keras.layers.Lambda(score, output_shape=(1,), dtype="float64")(inputs)
    return keras.Model(inputs, outputs, name=name)


@cache  # one value, one trace
def way_of(baseline, key=(0,), *, background=False):
    """Make an explainer whose maps are the inputs less their baselines."""

    @method
    def way(model):
        begin = baselines(model, baseline, background=background)

        def step(inputs, targets):
            return Explanation(forward(model, inputs, targets), (inputs - begin(inputs)(key))[..., tf.newaxis])

        return step

    return way
