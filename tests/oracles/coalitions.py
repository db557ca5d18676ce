"""Games of coalitions in plain NumPy, from the definitions, and a table's model that writes down what it is fed."""

from itertools import permutations
from math import comb

import keras
import numpy as np

from .counting import Counter
from .weights import settled


def shapley(value, players):
    """The mean over all orders of what each player adds; `value` takes a set and gives a number or an array."""
    orders = list(permutations(range(players)))
    total = [0.0] * players
    for order in orders:
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            total[player] = total[player] + value(before | {player}) - value(before)
    return np.stack([np.asarray(one) / len(orders) for one in total])


def kernel(size, players):
    """The Shapley kernel of coalitions of a size."""
    return (players - 1) / (comb(players, size) * size * (players - size))


def constrained(kept, worth, gain, weights):
    """Values that add up to `gain` and fit the worth of coalitions [n, M], which is [n], by Lagrange's multiplier."""
    players = kept.shape[1]
    matrix = np.ones((players + 1, players + 1))
    matrix[:players, :players], matrix[-1, -1] = (kept * weights[:, None]).T @ kept, 0
    return np.linalg.solve(matrix, np.append((kept * weights[:, None]).T @ worth, gain))[:players]


def ridge(kept, scores, weights, alpha):
    """Coefficients of a ridge regression with a free intercept, and the weighted R^2."""
    root = np.sqrt(weights)[:, None]
    design = np.concatenate([kept, np.ones((len(kept), 1))], axis=1)
    penalty = np.sqrt(alpha) * np.eye(kept.shape[1], kept.shape[1] + 1)
    wanted = np.append(root[:, 0] * scores, np.zeros(kept.shape[1]))
    found = np.linalg.lstsq(np.concatenate([root * design, penalty]), wanted, rcond=None)[0]
    mean = np.average(scores, weights=weights)
    residuals = scores - design @ found
    return found[:-1], 1 - (weights @ residuals**2) / (weights @ (scores - mean) ** 2)


class Watch(Counter):
    """Hand on the inputs, and write down what they were."""

    def call(self, inputs):
        """Fetch the inputs, one array for each forward pass."""
        import tensorflow as tf

        def look(array):
            self.seen.append(array.copy())
            return array

        handed = tf.numpy_function(look, [inputs], inputs.dtype, stateful=False)
        handed.set_shape(inputs.shape)
        return handed


class Watched:
    """A model of tables, in float64, with hidden units; `logits` is the same in NumPy, `seen` what it was fed."""

    def __init__(self, features):
        inputs = keras.Input((features,), dtype="float64")
        self.watch = Watch(name="watch", dtype="float64")
        hidden = keras.layers.Dense(8, activation="relu", dtype="float64")(self.watch(inputs))
        outputs = keras.layers.Dense(3, dtype="float64")(hidden)
        self.model = settled(keras.Model(inputs, outputs, name="watched"), scale=0.7)
        self.rows = 0.5 + np.abs(
            np.random.default_rng(5).normal(size=(3, features))
        )  # nothing is 0, but what is hidden

    def logits(self, rows):
        """The scores of every class, [B, 3]."""
        first, bias, second, shift = (np.asarray(w, "float64") for w in self.model.get_weights())
        return np.maximum(rows @ first + bias, 0) @ second + shift

    def kept(self, run):
        """Give the coalitions that `run()` fed the model, [n, features], of an example whose values are not 0."""
        self.watch.seen.clear()
        run()
        return np.concatenate(self.watch.seen) != 0
