"""Whatever fails in the middle: the model is as before, the words are plain, and the next explanation works."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from xaikit import explain, find, smooth, stream
from xaikit.core import Explanation, forward, gradient, method, per_target
from xaikit.errors import ModelError, PluginError, UsageError


class Fault(Exception):
    """What no code of ours catches."""


class Fragile(keras.layers.Layer):
    """A layer whose call raises while `broken` is true."""

    broken = False

    def call(self, inputs):
        if self.broken:
            raise Fault("layer")
        return 2 * inputs


class Strict(keras.layers.Layer):
    """A layer that raises while it runs, on inputs above 100."""

    def call(self, inputs):
        with tf.control_dependencies([tf.debugging.assert_less(inputs, 100.0, message="too bright")]):
            return tf.identity(inputs)


def with_layer(tools, layer):
    inputs = keras.Input((8, 8, 3))
    inner = keras.Sequential([keras.Input((8, 8, 3)), layer, keras.layers.Conv2D(4, 3)], name="inner")
    pooled = keras.layers.GlobalAveragePooling2D()(inner(inputs))
    return tools.weighted(keras.Model(inputs, keras.layers.Dense(4)(pooled)))


def state(model):
    """Everything on a model that an explanation could leave changed."""
    layers = list(model._flatten_layers())
    keys = [sorted(layer.__dict__) for layer in layers]
    return keys, [layer.trainable for layer in layers], [v.numpy().tolist() for v in model.variables]


@pytest.fixture
def faulty():
    """An explainer whose step raises while `place` says where."""
    place = {"now": ""}

    @method
    def breaking(model):
        if place["now"] == "bind":
            raise Fault("bind")

        def step(inputs, targets):
            if place["now"] == "before the pass":
                raise Fault(place["now"])
            scores = forward(model, inputs, targets)
            if place["now"] == "after the pass":
                raise Fault(place["now"])

            def explained(score):
                if place["now"] == "in a target":
                    raise Fault(place["now"])
                return gradient(score, inputs)

            return Explanation(scores, per_target(explained, scores))

        return step

    return breaking, place


@pytest.mark.parametrize("place", ["bind", "before the pass", "after the pass", "in a target"])
@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: smooth(e, repetitions=2)], ids=["alone", "smoothed"])
def test_an_explainer_that_raises_leaves_the_model_as_it_was(tools, images, faulty, place, wrap):
    breaking, where = faulty
    model = tools.convolutional()
    before = state(model)
    expected = explain(wrap(breaking), tools.convolutional(), images, "top2")
    where["now"] = place

    with pytest.raises(Fault, match=place):
        explain(wrap(breaking), model, images, "top2")

    assert tools.whole(model)
    assert state(model) == before
    where["now"] = ""
    np.testing.assert_array_equal(explain(wrap(breaking), model, images, "top2").maps, expected.maps)


def test_a_failed_explanation_leaves_strategies_usable(tools, images, faulty):
    """An exception passes by the clean-up of tf.map_fn, and then no strategy's scope can be entered in this process."""
    breaking, where = faulty
    step = breaking.bind(tools.convolutional())
    where["now"] = "in a target"

    with pytest.raises(Fault):
        explain(breaking, tools.convolutional(), images, "all")
    assert tf.compat.v1.get_variable_scope().caching_device is None  # what a scope looks at

    with pytest.raises(Fault):
        step(images, np.tile([0, 1], (7, 1)))
    assert tf.compat.v1.get_variable_scope().caching_device is None

    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        pass


@pytest.mark.parametrize("text", ["gradients", "gradcam", "smooth(tta(gradcam, scales=()), repetitions=2)"])
def test_a_layer_that_raises_leaves_the_model_as_it_was(tools, images, text):
    layer = Fragile()
    model = with_layer(tools, layer)
    expected = explain(text, with_layer(tools, Fragile()), images).maps
    before = state(model)

    Fragile.broken = True
    try:
        with pytest.raises(Fault, match="layer"):
            explain(text, model, images)
    finally:
        Fragile.broken = False

    assert tools.whole(model)
    assert state(model) == before
    np.testing.assert_array_equal(explain(text, model, images).maps, expected)


def test_a_layer_that_raises_while_it_runs_spoils_one_batch_alone(tools, images):
    model = with_layer(tools, Strict())
    data = np.concatenate([images[:4], images[4:] + 1000])
    parts = stream("gradients", model, data, batch_size=4)
    expected = explain("gradients", model, images[:4]).maps

    np.testing.assert_array_equal(next(parts).maps, expected)
    with pytest.raises(tf.errors.InvalidArgumentError, match="too bright"):
        next(parts)

    assert tools.whole(model)
    np.testing.assert_array_equal(explain("gradients", model, images[:4]).maps, expected)


def test_a_stream_that_is_left_early_leaves_nothing_behind(tools, images):
    model = tools.convolutional()
    parts = stream("gradcam", model, images, batch_size=2)

    next(parts)
    parts.close()

    assert tools.whole(model)
    assert list(parts) == []


def test_data_that_raises_raises_through(tools, model, images):
    def data():
        yield images[:4]
        raise Fault("disk")

    parts = stream("gradients", model, data(), batch_size=4)

    assert len(next(parts).maps) == 4
    with pytest.raises(Fault, match="disk"):
        next(parts)
    assert tools.whole(model)


def test_success_leaves_the_model_as_it_was(tools, images):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, np.arange(7) % 4, verbose=0)
    outputs = model.predict(images, verbose=0)
    before = state(model)

    for text in ("gradients", "gradcam", "smooth(cam, repetitions=2)"):
        explain(text, model, images)

    assert tools.whole(model)
    assert state(model) == before
    np.testing.assert_array_equal(model.predict(images, verbose=0), outputs)
    model.fit(images, np.arange(7) % 4, verbose=0)  # it trains on


def test_a_map_that_is_not_finite_is_an_error_that_names_the_example(model, images):
    @method
    def divided(model):
        def step(inputs, targets):
            scores = forward(model, inputs, targets)
            return Explanation(scores, per_target(lambda score: gradient(score, inputs) / inputs, scores))

        return step

    data = images.copy()
    data[5, 2, 3, 1] = 0

    explain(divided, model, images)
    with pytest.raises((ModelError, PluginError), match=r"[Ee]xample 5"):
        explain(divided, model, data, batch_size=4)


BAD_STEPS = {
    "nothing": (lambda scores, inputs: None, r"must return Explanation\(scores, maps\), not NoneType"),
    "maps alone": (lambda scores, inputs: inputs, r"must return Explanation\(scores, maps\)"),
    "scores of rank 1": (lambda scores, inputs: (scores[:, 0], inputs[..., None]), r"scores \[B, T\], not float32 \("),
    "no scores": (lambda scores, inputs: (None, inputs[..., None]), r"scores \[B, T\], not NoneType"),
    "maps of whole numbers": (lambda scores, inputs: (scores, tf.cast(inputs, tf.int32)[..., None]), r"maps of floats"),
    "maps of rank 2": (lambda scores, inputs: (scores, scores), r"maps of floats \[B, \.\.\., T\]"),
    "maps of Python": (lambda scores, inputs: (scores, [1.0, 2.0]), r"maps of floats \[B, \.\.\., T\], not float"),
}


class Bare:
    """An explainer without a decorator: a class with `bind`, whose step gives what it is told to."""

    def __init__(self, give=None):
        self.give = give

    def bind(self, model):
        def step(inputs, targets):
            scores = forward(model, inputs, targets)
            if self.give is not None:
                return self.give(scores, inputs)
            return Explanation(scores, per_target(lambda score: gradient(score, inputs), scores))

        return step

    def __repr__(self):
        return "bare"


@pytest.mark.parametrize("case", BAD_STEPS)
def test_a_step_that_breaks_its_contract_is_named(tools, model, images, case):
    give, words = BAD_STEPS[case]

    with pytest.raises(PluginError, match=f"The step of bare .*{words}") as caught:
        explain(Bare(give), model, images)

    assert caught.value.exit_code == 6
    assert tools.whole(model)


BAD_RESULTS = {
    "maps of some examples": (lambda scores, inputs: (scores, inputs[:2, ..., None]), 1),
    "scores of some examples": (lambda scores, inputs: (scores[:2], inputs[..., None]), 1),
    "maps of one target": (lambda scores, inputs: (scores, tf.reduce_sum(inputs, axis=-1, keepdims=True)), 2),
    "scores of another target": (lambda scores, inputs: (scores[:, :1], inputs[..., None]), 2),
}


@pytest.mark.parametrize("case", BAD_RESULTS)
def test_a_result_without_a_row_for_each_example_and_a_column_for_each_target_is_refused(model, images, case):
    give, columns = BAD_RESULTS[case]

    with pytest.raises(
        PluginError, match=r"bare gave (maps|scores) of the shape \(.*: a step must return scores \[B, T"
    ):
        explain(Bare(give), model, images, "top2" if columns == 2 else "top1")


@pytest.mark.parametrize("targets", [2, "top1", "top2", "all", [0, 1, 2, 3, 0, 1, 2]])
def test_a_plain_class_with_bind_is_an_explainer(model, images, targets):
    expected = explain("gradients", model, images, targets, batch_size=4)

    actual = explain(Bare(), model, images, targets, batch_size=4)

    np.testing.assert_array_equal(actual.maps, expected.maps)
    np.testing.assert_array_equal(actual.scores, expected.scores)
    assert repr(actual.explainer) == "bare"


def test_a_plain_class_with_bind_works_in_every_kind_of_transformer(model, images):
    for wrap in ("smooth({}, repetitions=3)", "heatmap({})", "tta(over_channels({}), scales=(1.5,))"):
        expected = explain(wrap.format("gradients"), model, images, batch_size=4)
        outer = find(wrap.format("gradients"))
        actual = explain(replaced(outer, Bare()), model, images, batch_size=4)
        np.testing.assert_array_equal(actual.maps, expected.maps)
        assert repr(actual.explainer) == wrap.format("bare")


def replaced(recipe, inner):
    """The same expression around another method."""
    if not recipe.explainers:
        return inner
    return dataclasses.replace(recipe, explainers=tuple(replaced(e, inner) for e in recipe.explainers))


def test_a_plain_class_is_traced_once_for_each_object(model, images):
    traces = []

    class Counted(Bare):
        def bind(self, model):
            traces.append(self)
            return super().bind(model)

    one = Counted()
    explain(one, model, images)
    explain(one, model, images[:3], 2)
    assert len(traces) == 1
    explain(Counted(), model, images)
    assert len(traces) == 2


def test_a_class_in_place_of_its_object_is_refused(model, images):
    with pytest.raises(UsageError):
        explain(Bare, model, images)
    with pytest.raises(UsageError, match="is neither"):
        smooth(Bare)
