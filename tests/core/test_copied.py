"""Passes made again from a trace give what tracing again gives, and some are not to be made so."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draws
from tests.oracles.weights import settled
from xaikit import explain, gradients, guided_backprop, occlusion, smooth, tta
from xaikit.core.copied import copied
from xaikit.core.view import Model


class Told(keras.layers.Layer):
    """A layer that tells how often Keras ran it."""

    times = 0

    def call(self, inputs):
        type(self).times += 1
        return inputs


def convolutional():
    inputs = keras.Input((None, None, 2))
    hidden = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="conv")(Told()(inputs))
    hidden = keras.layers.BatchNormalization()(hidden)
    pooled = keras.layers.GlobalAveragePooling2D()(hidden)
    return settled(keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(pooled)))


def traced(model, function, shape=(None, 6, 6, 2), dtype=tf.float32):
    """Run `function(view, pass, inputs)` in a graph where the pass on the inputs was made."""
    spec = tf.TensorSpec(shape, dtype)
    view = Model(model, tf.TensorSpec([None, *shape[1:]], dtype))
    return tf.function(lambda x: function(view, view.run(x), x), autograph=False).get_concrete_function(spec)


def test_a_copy_gives_what_the_model_gives_and_its_slopes():
    model, images = convolutional(), draws((4, 6, 6, 2))

    def again(view, made, x):
        found = copied(made, 2 * x)
        assert [call[:4] for call in found.calls] == [call[:4] for call in made.calls]
        assert all(call.outputs.graph is found.graph for call in found.calls)
        read = next(call.outputs for call in found.calls if call.path == "conv")
        return found.outputs, read, tf.gradients(found.outputs[:, 1], [found.inputs, read])

    def anew(view, made, x):
        inputs = 2 * x
        found = view._run(inputs)
        read = next(call.outputs for call in found.calls if call.path == "conv")
        return found.outputs, read, tf.gradients(found.outputs[:, 1], [inputs, read])

    ours, theirs = (traced(model, function)(tf.constant(images)) for function in (again, anew))

    for one, other in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_copy_in_a_loop_sees_the_loop_s_own_inputs():
    model, images = convolutional(), draws((4, 6, 6, 2))

    def looped(view, made, x):
        return tf.map_fn(lambda i: copied(made, x * i).outputs, tf.constant([0.5, 3.0]))

    found = traced(model, looped)(tf.constant(images))

    for share, outputs in zip((0.5, 3.0), found, strict=True):
        np.testing.assert_allclose(outputs, model(images * share), atol=1e-6)


def test_a_copy_in_a_loop_on_what_is_outside_of_it_has_its_slopes():
    model, images = convolutional(), draws((4, 6, 6, 2))

    def looped(view, made, x):
        def slopes(i):
            return tf.gradients(tf.gather(copied(made, outside).outputs, i, axis=1), outside)[0]

        outside = 2 * x
        return tf.map_fn(slopes, tf.range(4), fn_output_signature=tf.float32)

    found = traced(model, looped)(tf.constant(images))

    expected = explain(gradients, model, 2 * images, "all", scores="outputs").maps
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("explainer", "times"),
    [
        (gradients, 1),
        (smooth(gradients, repetitions=3), 1),
        (occlusion(patch=3, stride=3), 1),
        (tta(gradients, scales=()), 1),
        (tta(gradients, scales=(0.5,)), 2),  # a view of another size is another pass
        (smooth(guided_backprop, repetitions=3), 1),
    ],
    ids=str,
)
def test_keras_runs_once_for_inputs_of_one_shape(explainer, times):
    model = convolutional()
    Told.times = 0

    explain(explainer, model, draws((4, 6, 6, 2)))

    assert Told.times == times


def test_devices_stay_with_their_ops():
    class Placed(keras.layers.Layer):
        def call(self, inputs):
            with tf.device("CPU:0"):
                return tf.multiply(inputs, 2.0, name="placed")

    inputs = keras.Input((5,))
    model, found = settled(keras.Model(inputs, keras.layers.Dense(2)(Placed()(inputs)))), []

    traced(model, lambda view, made, x: (found.extend([made, copied(made, 2 * x)]), x)[1], (None, 5))

    devices = [[call.outputs.op.device for call in each.calls] for each in found]
    assert devices[0] == devices[1]
    assert any(devices[0])


def test_variables_are_read_when_the_step_runs():
    model, images = convolutional(), draws((4, 6, 6, 2))
    before = explain(smooth(gradients, noise=0, repetitions=2), model, images, 1)

    model.set_weights([3 * weight for weight in model.get_weights()])
    after = explain(smooth(gradients, noise=0, repetitions=2), model, images, 1)

    np.testing.assert_allclose(after.maps, explain(gradients, model, images, 1).maps, rtol=1e-5, atol=1e-6)
    assert np.abs(after.maps - before.maps).max() > 0.1


class Custom(keras.layers.Layer):
    """A gradient that closes over this pass's own tensors."""

    def call(self, inputs):
        @tf.custom_gradient
        def scaled(values):
            return 2 * values, lambda slopes: slopes * values

        return scaled(inputs)


class Restless(keras.layers.Layer):
    """Noise in inference too, by an op with a state."""

    def call(self, inputs):
        return inputs + tf.random.normal(tf.shape(inputs))


class Checked(keras.layers.Layer):
    """An op that must run before another."""

    def call(self, inputs):
        with tf.control_dependencies([tf.exp(inputs)]):
            return tf.identity(inputs)


@pytest.mark.parametrize("layer", [Custom, Restless, Checked, lambda: keras.layers.LSTM(3)])
def test_what_is_not_the_same_when_it_is_made_again_is_traced(layer):
    inputs = keras.Input((5, 2))
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(layer()(inputs)))))
    found = []

    traced(model, lambda view, made, x: (found.append(copied(made, 2 * x)), x)[1], (None, 5, 2))

    assert found == [None]


def test_gradients_of_one_s_own_are_right_in_copies():
    inputs = keras.Input((5,))
    model = settled(keras.Model(inputs, keras.layers.Dense(2)(Custom()(inputs))))
    rows = draws((3, 5))
    expected = explain(gradients, model, rows, 0).maps

    np.testing.assert_allclose(explain(smooth(gradients, noise=0, repetitions=3), model, rows, 0).maps, expected)


@pytest.mark.parametrize(
    "change", [lambda x: x[:, :3], lambda x: tf.cast(x, tf.float64), lambda x: tf.ensure_shape(x[:1], [1, 6, 6, 2])]
)
def test_other_shapes_and_types_are_traced(change):
    found = []

    traced(convolutional(), lambda view, made, x: (found.append(copied(made, change(x))), x)[1])

    assert found == [None]


def test_a_pass_of_another_graph_is_no_model_for_one():
    kept = []
    traced(convolutional(), lambda view, made, x: (kept.append(made), x)[1])

    traced(convolutional(), lambda view, made, x: (kept.append(copied(kept[0], x)), x)[1])

    assert kept[1] is None


class Shaped(keras.layers.Layer):
    """A layer that knows a shape which no op does."""

    def call(self, inputs):
        count = 72 + 0 * tf.cast(inputs[0, 0, 0, 0], tf.int32)  # a value, for all that TensorFlow knows
        values = tf.reshape(inputs, [tf.shape(inputs)[0], count])
        values.set_shape([None, 72])
        return values


def test_what_layers_know_of_shapes_is_known_of_copies():
    inputs = keras.Input((6, 6, 2))
    model, found = settled(keras.Model(inputs, Shaped()(inputs))), []

    traced(model, lambda view, made, x: (found.append(copied(made, 2 * x)), x)[1])

    assert found[0].outputs.shape.as_list() == [None, 72]


def test_several_inputs_and_outputs_keep_their_structure():
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    heads = {"a": keras.layers.Dense(2, name="a")(joined), "b": keras.layers.Dense(1, name="b")(left)}
    model = settled(keras.Model({"left": left, "right": right}, heads))
    spec = {"left": tf.TensorSpec([None, 3]), "right": tf.TensorSpec([None, 2])}
    view = Model(model, spec)

    @tf.function(autograph=False)
    def run(inputs):
        return copied(view.run(inputs), tf.nest.map_structure(tf.negative, inputs)).outputs

    given = {"left": draws((4, 3)), "right": draws((4, 2))}
    found, expected = run(given), model({name: -each for name, each in given.items()})

    assert set(found) == {"a", "b"}
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-6)
