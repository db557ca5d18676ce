"""Contrast: why this class, and not its strongest rival. A plugin for xaikit, in one file."""

from xaikit import hookimpl
from xaikit.core import Count, Explanation, Model, Step, Tensor, forward, gradient, method, per_target, tf
from xaikit.errors import ModelError

xaikit_api = 1  # the version of the plugin interface that this was written for


def _has_rivals(model: Model, *, rival: int, **_: object) -> None:
    """Refuse a model, or a target, that has no such rival."""
    if model.target_function is not None:
        raise ModelError("contrast compares classes: give class targets instead of a target function.")
    classes = model.class_scores(model.preview).shape[-1]
    if classes < 2:
        raise ModelError(f"contrast compares classes, and {model.name} has one output: use gradients.")
    if classes <= rival:
        raise ModelError(
            f"contrast(rival={rival}) needs {rival + 1} classes, and {model.name} has {classes}: "
            f"rival can be {classes - 1} at most."
        )


@method(requires=_has_rivals)
def contrast(model: Model, *, rival: Count = 1, baseline: float = 0.0) -> Step:
    """Share out a class's lead over its strongest rival among the values of the input.

    The lead is m(x) = s_t(x) - s_r(x), the target's score minus the rival's, and the map is (x - b) times the gradient
    of m. What speaks for both classes alike cancels, and what tells them apart is left. With b = 0 and a model that is
    piecewise linear without biases the map adds up to m(x). In a noisy or mirrored copy the rival is that copy's own.

    Maps: [B, *input, T], signed.
    Cost: one forward pass, and a backward pass per target.
    Claims: class-discriminative, input-shaped.

    Args:
        rival: Which of the other classes, by its score: 1 is the strongest.
        baseline: The value b at which an input counts as absent.

    Raises:
        ModelError: The model has no such rival, or the target is a function.
        InputError: The input is made of whole numbers.

    Source:
        Gradient times input: Shrikumar et al., "Not Just a Black Box", 2016. arXiv:1605.01713. The difference of two
        classes: Shrikumar et al., "Learning Important Features", 2017. arXiv:1704.02685, section 4.1.
    """

    def step(inputs: Tensor, targets: Tensor) -> Explanation:
        scores = forward(model, inputs, targets)  # [B, T]
        best = tf.math.top_k(model.class_scores(model.run(inputs)), k=rival + 1).indices  # [B, rival + 1]
        before = tf.reduce_any(targets[:, :, tf.newaxis] == best[:, tf.newaxis, :rival], axis=-1)  # [B, T]
        rivals = tf.where(before, best[:, rival:], best[:, rival - 1 : rival])  # the target itself does not count
        leads = scores - forward(model, inputs, rivals)  # [B, T]

        def explained(lead: Tensor) -> Tensor:
            slopes = gradient(lead, inputs)
            return tf.nest.map_structure(lambda leaf, slope: (leaf - baseline) * slope, inputs, slopes)

        return Explanation(scores, per_target(explained, leads, like=inputs))

    return step


@hookimpl
def xaikit_explainers() -> list[object]:
    """Give what this plugin offers."""
    return [contrast]
