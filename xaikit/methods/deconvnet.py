"""The deconvolutional network: only positive evidence is sent back, whether a unit was active or not."""

from typing import Any

from ..core import Model, Step, Tensor, method, tf
from ..core.rectifiers import check_rectifiers
from ..core.rules import gradients_by


def rectified(op: Any, slopes: Tensor) -> Tensor:
    """R_in = max(R_out, 0)."""
    return tf.nn.relu(slopes)


@method
def deconvnet(model: Model) -> Step:
    """Send back only positive evidence, through every rectifier.

    It shows fine detail, and hardly depends on the target or the weights of upper layers: do not judge a model by it.

    Maps: [B, *input, T], signed.
    Cost: one forward pass, and a backward pass under the rule per target.
    Claims: input-shaped.

    Raises:
        ModelError: The model has rectifiers other than ReLU and ReLU6; the message names the operation.
        InputError: The input is made of whole numbers, or the score does not depend on it.

    Source:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013. arXiv:1311.2901, section 2.1.
    """
    check_rectifiers(model, "deconvnet")
    return gradients_by(model, Relu=rectified, Relu6=rectified)
