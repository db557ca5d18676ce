"""Forward passes: layers are read while the model is traced, and nothing of that is left on it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit import explain, gradcam, gradients, method, smooth, tta
from xaikit.core import Explanation, Model, as_view, forward
from xaikit.core.passes import run
from xaikit.errors import ModelError, UnfitInput, UsageError


class Failing(keras.layers.Layer):
    """Fail when it is told to."""

    failing = False

    def call(self, inputs):
        if self.failing:
            raise RuntimeError("injected")
        return inputs


@pytest.fixture
def fragile():
    """A nested model with a layer that can fail, and one whose `call` its owner has replaced."""
    inner_inputs = keras.Input((8, 8, 3))
    hidden = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="conv")(inner_inputs)
    inner = keras.Model(inner_inputs, Failing(name="failing")(hidden), name="inner")
    inputs = keras.Input((8, 8, 3))
    dropped = keras.layers.Dropout(0.5, seed=1, name="dropout")(inner(inputs))
    normed = keras.layers.BatchNormalization(name="norm")(dropped)
    outputs = keras.layers.Dense(3, activation="softmax", name="head")(keras.layers.GlobalAveragePooling2D()(normed))
    return settled(keras.Model(inputs, outputs))


def state(model):
    """Everything that a run could change: attributes, in place of call, and variables with their values."""
    layers = list(model._flatten_layers(include_self=True, recursive=True))
    attributes = {id(layer): {name: id(value) for name, value in layer.__dict__.items()} for layer in layers}
    return attributes, [np.array(variable.numpy()) for variable in model.variables], model.get_config()


def unchanged(before, after):
    assert before[0] == after[0]
    for first, second in zip(before[1], after[1], strict=True):
        np.testing.assert_array_equal(first, second)
    assert before[2] == after[2]


@pytest.mark.parametrize(
    "explainer", [gradients, gradcam, smooth(gradcam, repetitions=2), tta(gradients, scales=())], ids=str
)
def test_a_model_is_as_before_after_a_run(explainer, fragile, images):
    fragile(images)
    before = state(fragile)

    explain(explainer, fragile, images)

    unchanged(before, state(fragile))


@pytest.mark.parametrize("explainer", [gradients, smooth(gradcam, repetitions=2), tta(gradients, scales=())], ids=str)
def test_a_model_is_as_before_after_an_exception(explainer, fragile, images):
    fragile(images)
    failing = fragile.get_layer("inner").get_layer("failing")
    before = state(fragile)
    failing.failing = True
    try:
        with pytest.raises(RuntimeError, match="injected"):
            explain(explainer, fragile, images)
    finally:
        del failing.failing

    unchanged(before, state(fragile))
    assert explain(explainer, fragile, images).maps is not None


def test_an_exception_in_a_method_leaves_the_model_as_it_was(fragile, images):
    @method
    def broken(model):
        """Fail after the forward pass."""

        def step(inputs, targets):
            forward(model, inputs, targets)
            raise RuntimeError("injected")

        return step

    fragile(images)
    before = state(fragile)
    with pytest.raises(RuntimeError, match="injected"):
        explain(smooth(broken), fragile, images)

    unchanged(before, state(fragile))


def test_a_call_that_its_owner_replaced_is_kept(fragile, images):
    conv = fragile.get_layer("inner").get_layer("conv")
    original = conv.call
    replaced = conv.__dict__["call"] = lambda inputs: 2 * original(inputs)
    expected = np.asarray(fragile(images))

    actual = explain(gradients, fragile, images, "all", scores="outputs").scores

    np.testing.assert_allclose(actual, expected, atol=1e-5)
    assert conv.__dict__["call"] is replaced


def test_a_pass_runs_in_inference_mode(fragile, images):
    expected = np.asarray(fragile(images, training=False))

    for _ in range(2):
        actual = explain(gradients, fragile, images, "all", scores="outputs").scores

        np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_what_a_layer_gives_is_replaced_by_a_changed_view(pooled, images):
    view = as_view(pooled).changed(writes={("conv2", 1): lambda values: tf.zeros_like(values)})
    bias = pooled.get_layer("head").bias.numpy()

    scores, _ = gradients.bind(view.changed(writes={("conv1", 1): lambda values: 0 * values}))(images, [0] * 5)
    outputs = tf.function(view, autograph=False)(tf.constant(images)).numpy()

    np.testing.assert_allclose(outputs, np.tile(np.asarray(tf.nn.softmax(bias)), (5, 1)), atol=1e-6)
    np.testing.assert_allclose(scores, np.broadcast_to(scores[:1], scores.shape), atol=1e-6)


def test_a_view_called_like_the_model_gives_its_outputs(pooled, images):
    expected = np.asarray(pooled(images))

    actual = tf.function(as_view(pooled), autograph=False)(tf.constant(images)).numpy()

    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_the_same_inputs_run_through_the_model_once(pooled, images):
    passes = []

    @method
    def greedy(model):
        """Ask twice."""

        def step(inputs, targets):
            passes.extend([model.run(inputs), model.run(inputs)])
            return Explanation(forward(model, inputs, targets), inputs[..., tf.newaxis])

        return step

    explain(greedy, pooled, images)

    assert passes[0] is passes[1]


def test_each_call_of_each_layer_is_recorded_with_its_path(fragile):
    view = as_view(fragile)

    paths = [call.path for call in view.preview.calls]

    assert paths.index("inner/conv") < paths.index("inner/failing") < paths.index("inner") < paths.index("norm")
    assert all(call.number == 1 for call in view.preview.calls)


def test_a_view_is_immutable(pooled):
    view = as_view(pooled)

    with pytest.raises(AttributeError):
        view.scores = "outputs"
    assert view.changed(scores="outputs") is not view
    assert view.scores == "logits"


def test_a_model_that_is_none_or_not_built_is_refused():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(UsageError, match=r"must be a keras\.Model, not str"):
        as_view("model.keras")
    with pytest.raises(ModelError, match="is not built, so there is nothing to explain yet"):
        as_view(keras.Sequential([keras.layers.Dense(3)]))
    own = Own()
    own.built = True
    with pytest.raises(ModelError, match=r"declares no inputs: bind a view made with their spec, Model\(model, spec\)"):
        as_view(own)
    assert isinstance(as_view(own, tf.TensorSpec([None, 3])), Model)


def test_a_spec_that_the_model_does_not_take_is_refused(flattened64):
    with pytest.raises(UnfitInput, match=r"does not take inputs of \(None, 9, 9, 2\)"):
        as_view(flattened64).probe(tf.TensorSpec([None, 9, 9, 2], tf.float64))


def test_a_sequential_model_without_input_is_not_rebuilt(images):
    model = keras.Sequential([keras.layers.Conv2D(3, 3), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)])
    model(images)
    settled(model)
    before = state(model)[1]

    result = explain(gradcam, model, images)

    assert result.maps.shape == (5, 6, 6, 1)
    for first, second in zip(before, state(model)[1], strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_pass_records_what_was_given_by_name():
    class Named(keras.layers.Layer):
        def call(self, inputs=None):
            return inputs

    inputs = keras.Input((3,))
    model = keras.Model(inputs, Named(name="named")(inputs=inputs))

    @tf.function(autograph=False)
    def traced(values):
        found.append(run(model, values))
        return values

    found = []
    traced(tf.zeros([1, 3]))

    assert found[0].calls[-1].inputs.shape == (1, 3)
