"""Small networks in plain loops of NumPy: forwards, and backwards by the chain rule, as the equations say."""

import numpy as np


def convolved(values, kernel, bias, stride=1):
    """Convolve [B, H, W, C] with [h, w, C, K], padded as "same"."""
    height, width = kernel.shape[:2]
    rows, columns = (-(-side // stride) for side in values.shape[1:3])
    padded, _ = _padded(values, kernel.shape, stride)
    result = np.zeros((len(values), rows, columns, kernel.shape[3]))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, i * stride : i * stride + height, j * stride : j * stride + width]
            result[:, i, j] = np.einsum("bhwc,hwck->bk", window, kernel) + bias
    return result


def convolved_back(slopes, values, kernel, stride=1):
    """Send the slopes of a convolution's outputs, [B, h, w, K], back to its inputs."""
    height, width = kernel.shape[:2]
    padded, (top, left) = _padded(values, kernel.shape, stride)
    result = np.zeros(padded.shape)
    for i in range(slopes.shape[1]):
        for j in range(slopes.shape[2]):
            window = np.s_[:, i * stride : i * stride + height, j * stride : j * stride + width]
            result[window] += np.einsum("bk,hwck->bhwc", slopes[:, i, j], kernel)
    return result[:, top : top + values.shape[1], left : left + values.shape[2]]


def _padded(values, kernel_shape, stride):
    pads = []
    for side, size in zip(values.shape[1:3], kernel_shape[:2], strict=True):
        whole = max((-(-side // stride) - 1) * stride + size - side, 0)
        pads.append((whole // 2, whole - whole // 2))
    return np.pad(values, [(0, 0), *pads, (0, 0)]), (pads[0][0], pads[1][0])


class Pooled:
    """The network of the fixture `pooled64`: two convolutions with ReLU, average pooling, a linear head."""

    def __init__(self, model):
        first, second, head = (model.get_layer(name) for name in ("conv1", "conv2", "head"))
        self.kernel1, self.bias1 = (np.asarray(w, "float64") for w in first.get_weights())
        self.kernel2, self.bias2 = (np.asarray(w, "float64") for w in second.get_weights())
        self.weights, self.bias = (np.asarray(w, "float64") for w in head.get_weights())

    def features(self, inputs):
        """What the last convolution gives, [B, h, w, K]."""
        hidden = np.maximum(convolved(inputs, self.kernel1, self.bias1), 0)
        return np.maximum(convolved(hidden, self.kernel2, self.bias2, 2), 0)

    def logits(self, inputs):
        """The scores of every class, [B, classes]."""
        return self.features(inputs).mean(axis=(1, 2)) @ self.weights + self.bias

    def slopes(self, inputs, target):
        """The slope of one class's logit by the inputs, [B, H, W, C]."""
        back1, _ = self.bias_slopes(inputs, target)
        return convolved_back(back1, inputs, self.kernel1)

    def bias_slopes(self, inputs, target):
        """The slopes of one class's logit by what the two convolutions give before their ReLU, [B, h, w, K] each."""
        before1 = convolved(inputs, self.kernel1, self.bias1)
        hidden = np.maximum(before1, 0)
        before2 = convolved(hidden, self.kernel2, self.bias2, 2)
        share = self.weights[:, target] / (before2.shape[1] * before2.shape[2])
        back2 = (before2 > 0) * share
        return (before1 > 0) * convolved_back(back2, hidden, self.kernel2, 2), back2

    def multipliers(self, inputs, baselines, target):
        """DeepLIFT's multipliers of the inputs under the linear and the rescale rule, [B, H, W, C]."""
        first, first0 = (convolved(values, self.kernel1, self.bias1) for values in (inputs, baselines))
        hidden, hidden0 = np.maximum(first, 0), np.maximum(first0, 0)
        second, second0 = (convolved(values, self.kernel2, self.bias2, 2) for values in (hidden, hidden0))
        share = self.weights[:, target] / (second.shape[1] * second.shape[2])
        back2 = share * _rescaled(second, second0)
        back1 = convolved_back(back2, hidden, self.kernel2, 2) * _rescaled(first, first0)
        return convolved_back(back1, inputs, self.kernel1)


def _rescaled(before, before0):
    """How far a ReLU moves for how far its input does; they are never equal in these tests."""
    return (np.maximum(before, 0) - np.maximum(before0, 0)) / (before - before0)


def slope_by_differences(function, inputs, step=1e-6):
    """Differentiate a function of one example, [...] to a number, by central differences."""
    slopes = np.zeros(inputs.shape)
    for place in np.ndindex(inputs.shape):
        up, down = inputs.copy(), inputs.copy()
        up[place] += step
        down[place] -= step
        slopes[place] = (function(up) - function(down)) / (2 * step)
    return slopes
