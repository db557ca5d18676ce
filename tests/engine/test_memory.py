"""Where memory runs out the engine goes on with fewer rows, and no map is lost, repeated or changed."""

import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.weights import settled
from xaikit import deletion, explain, stream
from xaikit.core import keras
from xaikit.engine.memory import is_exhausted
from xaikit.errors import ModelError, XaikitWarning


class Narrow(keras.layers.Layer):
    """Memory that has room for some rows."""

    def __init__(self, **options):
        super().__init__(**options)
        self.room = 100
        self.tried = []

    def call(self, inputs):
        @tf.custom_gradient
        def narrow(values):
            def look(array):
                self.tried.append(len(array))
                if len(array) > self.room:
                    raise MemoryError(f"no room for {len(array)} rows")
                return array

            handed = tf.numpy_function(look, [values], values.dtype, stateful=False)
            handed.set_shape(values.shape)
            return handed, lambda slopes: slopes

        return narrow(inputs)


@pytest.fixture(scope="module")
def narrow():
    layer = Narrow(name="narrow")
    inputs = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(layer(inputs))
    outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(features))
    return settled(keras.Model(inputs, outputs)), layer


@pytest.fixture(scope="module")
def many():
    return np.random.default_rng(1).normal(size=(21, 6, 6, 3)).astype("float32")


@pytest.fixture(scope="module")
def expected(narrow, many):
    model, layer = narrow
    layer.room = 100
    return {text: explain(text, model, many, batch_size=16) for text in ("gradients", "smooth(gradients)")}


@pytest.mark.parametrize("room", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("text", ["gradients", "smooth(gradients)"])
def test_every_example_is_explained_once_and_as_ever_whatever_the_room(narrow, many, expected, text, room):
    model, layer = narrow
    layer.room = room
    layer.tried.clear()

    if room < 16:
        with pytest.warns(XaikitWarning, match="Memory ran out with 16 rows at once: going on with fewer") as said:
            actual = explain(text, model, many, batch_size=16)
        assert len(said) == 1
    else:
        actual = explain(text, model, many, batch_size=16)

    wanted = expected[text]
    np.testing.assert_allclose(actual.maps, wanted.maps, rtol=0, atol=1e-6 * np.abs(wanted.maps).max())
    np.testing.assert_array_equal(actual.targets, wanted.targets)
    # 16, 8, 4 and 2 rows at the most, of the pictures and of their copies: then it is known
    assert sum(1 for rows in layer.tried if rows > room) <= 8


def test_a_stream_gives_the_same_batches(narrow, many):
    model, layer = narrow
    layer.room = 3

    with pytest.warns(XaikitWarning, match="Memory ran out"):
        parts = list(stream("gradients", model, many, batch_size=16))

    assert [len(part.maps) for part in parts] == [16, 5]


def test_where_one_row_is_too_much_the_example_is_named(narrow, many):
    model, layer = narrow
    layer.room = 0

    with (
        pytest.warns(XaikitWarning, match="Memory ran out"),
        pytest.raises(ModelError, match="Memory ran out with a single row at once, for example 0"),
    ):
        explain("gradients", model, many[:2], batch_size=2)


def test_maps_and_arrays_beside_the_inputs_are_cut_alike(narrow, many):
    model, layer = narrow
    layer.room = 100
    maps = explain("gradients", model, many).maps
    wanted = deletion(on="logit", steps=3)(maps, model, many, batch_size=16)
    layer.room = 5

    with pytest.warns(XaikitWarning, match="Memory ran out"):
        actual = deletion(on="logit", steps=3)(maps, model, many, batch_size=16)

    np.testing.assert_allclose(actual, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (MemoryError(), True),
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"), True),
        (tf.errors.InternalError(None, None, "Failed to allocate 12 bytes"), True),
        (tf.errors.InternalError(None, None, "Blas GEMM launch failed"), False),
        (tf.errors.InvalidArgumentError(None, None, "out of memory"), False),
        (ValueError("out of memory"), False),
    ],
    ids=lambda value: str(value)[:20].replace("\n", " "),
)
def test_only_what_says_that_memory_ran_out_is_tried_again(error, found):
    assert is_exhausted(error) is found
