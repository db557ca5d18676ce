"""Gradients: how the score changes with each value of the input."""

from ..core import Explanation, Model, Step, Tensor, forward, gradient, method, per_target


@method
def gradients(model: Model) -> Step:
    """Differentiate the score by the input.

    Maps: [B, *input, T], signed.
    Cost: one forward pass, and a backward pass per target.
    Claims: linear, class-discriminative, input-shaped.

    Raises:
        InputError: The input is made of whole numbers, or the score does not depend on it.

    Source:
        Simonyan et al., "Deep Inside Convolutional Networks", 2013. arXiv:1312.6034, section 3.
    """

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)
        return Explanation(scores, per_target(lambda score: gradient(score, inputs), scores, like=inputs))

    return step
