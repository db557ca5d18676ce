"""Guided backpropagation: only positive evidence is sent back, through units that were active."""

from typing import Any

from ..core import Model, Step, Tensor, method, tf
from ..core.rectifiers import check_rectifiers
from ..core.rules import gradients_by


def guided(op: Any, slopes: Tensor) -> Tensor:
    """R_in = 1[z > 0] max(R_out, 0)."""
    return tf.raw_ops.ReluGrad(gradients=tf.nn.relu(slopes), features=op.outputs[0])


def guided6(op: Any, slopes: Tensor) -> Tensor:
    """R_in = 1[0 < z < 6] max(R_out, 0): above 6 the unit does not answer either."""
    return tf.raw_ops.Relu6Grad(gradients=tf.nn.relu(slopes), features=op.outputs[0])


@method
def guided_backprop(model: Model) -> Step:
    """Send back only positive evidence, through the rectifiers that were active.

    It shows fine detail, and hardly depends on the target or the weights of upper layers: do not judge a model by it.

    Maps: [B, *input, T], signed.
    Cost: one forward pass, and a backward pass under the rule per target.
    Claims: input-shaped.

    Raises:
        ModelError: The model has rectifiers other than ReLU and ReLU6; the message names the operation.
        InputError: The input is made of whole numbers, or the score does not depend on it.

    Source:
        Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2014. arXiv:1412.6806, section 3.4.
    """
    check_rectifiers(model, "guided_backprop")
    return gradients_by(model, Relu=guided, Relu6=guided6)
