"""Input times gradient: what each value adds to the score, were the model linear."""

from ..core import Explanation, Model, Step, Tensor, forward, gradient, method, per_target, tf


@method
def input_x_gradient(model: Model) -> Step:
    """Multiply each value of the input by the gradient of the score.

    Of a linear score these are its terms; of a piecewise linear model without biases they add up to the score.

    Maps: [B, *input, T], signed.
    Cost: one forward pass, and a backward pass per target.
    Claims: linear, class-discriminative, input-shaped.

    Raises:
        InputError: The input is made of whole numbers, or the score does not depend on it.

    Source:
        Shrikumar et al., "Not Just a Black Box", 2016. arXiv:1605.01713: the product that it compares DeepLIFT with.
    """

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)

        def weigh(score: Tensor) -> Tensor:
            slopes = gradient(score, inputs)
            return tf.nest.map_structure(lambda leaf, slope: tf.cast(leaf, slope.dtype) * slope, inputs, slopes)

        return Explanation(scores, per_target(weigh, scores, like=inputs))

    return step
