"""Layer-wise relevance propagation in matrices of NumPy, as the papers write it: from R of a layer's outputs to R of
its inputs, where every contribution x_j w_jk is written down."""

import numpy as np

from .networks import Pooled, convolved


def positive(values):
    return np.maximum(values, 0)


def negative(values):
    return np.minimum(values, 0)


def over(numerators, denominators):
    """Divide, with 0 for 0 / 0."""
    return np.divide(numerators, denominators, out=np.zeros(np.shape(numerators)), where=denominators != 0)


def zero(given, bias, **_):
    """Shares [J, K] of contributions `given` [J, K], x_j w_jk: Bach 2015, in proportion."""
    return over(given, given.sum(0) + bias)


def epsilon(given, bias, epsilon=1e-6, **_):
    """Bach 2015, with a stabiliser of the sum's sign."""
    total = given.sum(0) + bias
    return given / (total + epsilon * np.where(total < 0, -1, 1))


def gamma(given, bias, gamma=0.25, **_):
    """Montavon 2019, LRP-gamma, where x and the sum are above 0; turned round where the sum is below."""
    part = np.where(given.sum(0) + bias > 0, 1, -1)
    raised = given + gamma * part * positive(part * given)
    return over(raised, raised.sum(0) + bias + gamma * part * positive(part * bias))


def alpha_beta(given, bias, alpha, beta):
    """Bach 2015, alpha-beta with beta counted above 0; contributions of one sign only get all of R."""
    above = over(positive(given), positive(given).sum(0) + positive(bias))
    below = over(negative(given), negative(given).sum(0) + negative(bias))
    only_above = negative(given).sum(0) + negative(bias) == 0
    only_below = positive(given).sum(0) + positive(bias) == 0
    both = alpha * above - beta * below
    return np.where(only_above, above, np.where(only_below, below, both))


def zplus(given, bias, **_):
    return alpha_beta(given, bias, 1, 0)


def alpha2_beta1(given, bias, **_):
    return alpha_beta(given, bias, 2, 1)


def flat(inputs, weights):
    """Montavon 2019: alike among the inputs that a unit is connected to."""
    connected = (weights != 0).astype(float)
    return connected / connected.sum(0)


def box(inputs, weights, low, high):
    """Montavon 2015, the z^B rule for inputs between `low` and `high`."""
    given = inputs[:, None] * weights - low * positive(weights) - high * negative(weights)
    return over(given, given.sum(0))


# by name: the rule in convolutions, the rule in dense layers, the rule in the first layer
RULES = {
    "zero": (zero, zero, None),
    "epsilon": (epsilon, epsilon, None),
    "gamma": (gamma, gamma, None),
    "zplus": (zplus, zplus, None),
    "alpha2_beta1": (alpha2_beta1, alpha2_beta1, None),
    "epsilon_plus": (zplus, epsilon, None),
    "epsilon_plus_flat": (zplus, epsilon, flat),
    "epsilon_gamma_box": (gamma, epsilon, box),
    "attention": (epsilon, epsilon, None),
}


def back(rule, inputs, weights, bias, relevance, **parameters):
    """Send R [K] back through a layer with weights [J, K]: R [J]."""
    return rule(inputs[:, None] * weights, bias, **parameters) @ relevance


def matrix(kernel, shape, stride=1):
    """A convolution, padded as "same", as a matrix from inputs of a shape to outputs, both flat."""
    size = int(np.prod(shape))
    units = np.eye(size).reshape(size, *shape)
    return convolved(units, kernel, np.zeros(kernel.shape[3]), stride).reshape(size, -1)


class PooledRelevance:
    """Relevance in the network of the fixture `pooled64`, layer by layer."""

    def __init__(self, model):
        self.network = Pooled(model)

    def relevance(self, image, target, name, low=None, high=None, **parameters):
        """R of the inputs of one example, and of each layer's outputs on the way, the last first."""
        convolution, dense, first = RULES[name]
        net = self.network
        shape = image.shape
        one, two = matrix(net.kernel1, shape), matrix(net.kernel2, (*shape[:2], net.kernel1.shape[3]), 2)
        bias1, bias2 = (np.tile(b, m.shape[1] // len(b)) for b, m in ((net.bias1, one), (net.bias2, two)))
        x = image.ravel()
        hidden = positive(x @ one + bias1)
        features = positive(hidden @ two + bias2)
        channels = len(net.bias2)
        pooled = features.reshape(-1, channels).mean(0)
        score = pooled @ net.weights[:, target] + net.bias[target]
        head = back(dense, pooled, net.weights[:, [target]], net.bias[[target]], np.array([score]), **parameters)
        shares = over(features.reshape(-1, channels), features.reshape(-1, channels).sum(0))
        at_features = (shares * head).ravel()  # a mean shares in proportion
        at_hidden = back(convolution, hidden, two, bias2, at_features, **parameters)
        if first is flat:
            connected = matrix(np.ones_like(net.kernel1), shape)
            last = flat(x, connected) @ at_hidden
        elif first is box:
            low, high = (x.min() if low is None else low), (x.max() if high is None else high)
            last = box(x, one, low, high) @ at_hidden
        else:
            last = back(convolution, x, one, bias1, at_hidden, **parameters)
        return last.reshape(shape), (np.array([score]), head, at_features, at_hidden)
