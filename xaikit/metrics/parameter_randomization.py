"""The randomisation of a model's parameters, layer by layer, as a check of its explanations."""

from collections.abc import Callable
from typing import Literal

from ..core import Explainer, Model, Seed, Tensor, bound, tf
from ..core.depth import from_scores_down
from ..core.passes import Weights
from ..core.weights import redrawn
from ..errors import ModelError
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.similarity import Similarity, comparison

Order = Literal["top_down", "bottom_up", "independent"]


@metric(better="lower", curve=True)
def parameter_randomization(
    explainer: Explainer,
    model: Model,
    *,
    order: Order = "top_down",
    similarity: Similarity = "spearman",
    seed: Seed = 0,
) -> Measure:
    """How alike a map stays while the layers of the model forget, one after the other, what they learned.

    An explanation of what the model learned changes when the model forgets: what stays as it was came from the input
    and the architecture. The weights of each layer are drawn anew by their own initialisers, each layer with its own
    draw, the same for every order and example; layers on which the scores do not depend are left out. The target stays
    the class of the model as it is, and the model itself is never touched.

    Maps are compared as they are, signed, with all their channels. Compose what else is to be compared: absolute
    values, which the paper looks at too, are those of `absolute(e)`, what people look at is `heatmap(e)`.

    The curve is the similarity to the map of the model as it is after 0, 1, ..., L layers: 1 at 0, and with "top_down"
    and "bottom_up" that of a model without any learning at L. The value is the mean over the L steps. From -1 to 1,
    lower is better: it is about 0 for a map that shows what was learned. A constant map shares nothing with the one
    before, 0; where the map of the model as it is is constant there is nothing to lose, NaN.

    Cost: L times the explainer's, L being the number of layers with weights on the way to the scores.

    Args:
        order: "top_down" draws layers anew from the scores down, each in addition to those before; "bottom_up" from the
            inputs up; "independent" each layer alone, counted from the scores down.
        similarity: The correlation of ranks, "spearman", or of values, "pearson"; or of pictures the structural
            similarity, "ssim".
        seed: Which draws.

    Raises:
        ModelError: The scores depend on no weights; or "ssim" and an input that is no picture.

    Source:
        Adebayo et al. 2018, "Sanity Checks for Saliency Maps", arXiv:1810.03292, section 4.
    """
    alike = comparison(similarity, model)
    partly, count = _partly_redrawn(model, order, seed)

    def measure(case: Case) -> Measurement:
        def after(k: Tensor) -> Tensor:
            view = model.changed(weights=partly(k))
            here = tf.nest.map_structure(tf.identity, case.inputs)  # of the loop's own graph, where ops are looked at
            view.run(here)  # the pass that layers are looked for in, and that the step itself makes
            maps = bound(explainer, view)(here, case.targets).maps
            return alike(case.maps, tf.nest.map_structure(lambda leaf: leaf[..., 0], maps))

        steps = tf.range(1, count + 1)
        left = tf.map_fn(after, steps, fn_output_signature=tf.float64, parallel_iterations=1)  # [L, B]
        curve = tf.transpose(tf.concat([alike(case.maps, case.maps)[tf.newaxis], left], axis=0))
        return Measurement(tf.reduce_mean(curve[:, 1:], axis=1), curve, tf.range(count + 1))

    return measure


def _partly_redrawn(model: Model, order: Order, seed: int) -> tuple[Callable[[Tensor], Weights], int]:
    """Give the weights after k steps, k a scalar tensor, and the number of steps.

    Raises:
        ModelError: The scores depend on no weights.
    """
    layers = list(from_scores_down(model).values())
    if not layers:
        raise ModelError(f"The scores of {model.name} depend on no weights: there is nothing to draw anew.")
    anew = redrawn(model.keras_model, "all", seed)
    places = {id(variable): place for place, layer in enumerate(layers) for variable in layer}

    def drawn(place: int, k: Tensor) -> Tensor:
        """Whether the layer at a place is drawn anew in step k."""
        if order == "independent":
            return tf.equal(k, place + 1)
        return k > (place if order == "top_down" else len(layers) - 1 - place)

    def partly(k: Tensor) -> Weights:
        return {
            key: (variable, tf.where(drawn(places[key], k), value, tf.convert_to_tensor(variable.value)))
            for key, (variable, value) in anew.items()
            if key in places
        }

    return partly, len(layers)
