"""A model that counts the rows that it is fed, without a variable and without a side effect that keeps ops alive."""

import keras
import numpy as np
import tensorflow as tf

from .weights import settled


class Counter(keras.layers.Layer):
    """Hand on the inputs, and write down how many rows there were."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seen = []

    def call(self, inputs):
        @tf.custom_gradient
        def counted(values):
            def look(array):
                self.seen.append(len(array))
                return array

            handed = tf.numpy_function(look, [values], values.dtype, stateful=False)
            handed.set_shape(values.shape)
            return handed, lambda slopes: slopes

        return counted(inputs)


class Aside(Counter):
    """A counter that the values do not pass through: TensorFlow may merge equal passes, or move them out of loops."""

    def call(self, inputs):
        def look(rows):
            self.seen.append(int(rows))
            return np.zeros((), "float32")

        nothing = tf.numpy_function(look, [tf.shape(inputs)[0]], tf.float32, stateful=False)
        nothing.set_shape(())
        return inputs + nothing


class RowsOf:
    """A small model of pictures of any size, with its counter."""

    def __init__(self):
        inputs = keras.Input((None, None, 2))
        self.counter = Counter(name="counter")
        features = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="conv")(self.counter(inputs))
        pooled = keras.layers.GlobalAveragePooling2D()(features)
        outputs = keras.layers.Dense(3, activation="softmax")(pooled)
        self.model = settled(keras.Model(inputs, outputs))
        self.images = np.random.default_rng(3).normal(size=(6, 4, 4, 2)).astype("float32")

    def counted(self, run):
        """Give the rows of each forward pass of `run()`."""
        self.counter.seen.clear()
        run()
        return list(self.counter.seen)
