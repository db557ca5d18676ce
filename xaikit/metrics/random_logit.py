"""Another class in the place of the one that is explained, as a check of explanations."""

from ..core import Explainer, Model, Seed, Tensor, bound, dims, tf, uniform
from ..errors import ModelError
from ..measuring import Case, Measure, Measurement, metric
from ..measuring.similarity import Similarity, comparison


@metric(better="lower")
def random_logit(explainer: Explainer, model: Model, *, similarity: Similarity = "spearman", seed: Seed = 0) -> Measure:
    """How alike a map is to that of another class, drawn at random.

    An explanation of a class differs from that of another one; a map that is the same for both shows the input. Each
    class has its own partner, never itself. With two classes, one of which speaks against the other, a map that is
    about the class is the negative of its partner's.

    Maps are compared as they are, signed, with all their channels; compose what else is to be compared, such as
    `absolute(e)`. From -1 to 1, lower is better: 1 where the class does not matter. A constant map of the other class
    shares nothing, 0; where that of the explained class is constant there is nothing to compare, NaN.

    Cost: the explainer's.

    Args:
        similarity: The correlation of ranks, "spearman", or of values, "pearson"; or of pictures the structural
            similarity, "ssim".
        seed: Which partners.

    Raises:
        ModelError: There is no other class: the model has one output, or the target is a function; or "ssim" and an
            input that is no picture.

    Source:
        Adebayo et al. 2018, arXiv:1810.03292, ask what maps are sensitive to; of the class, as here, Sixt, Granz and
        Landgraf 2020, "When Explanations Lie", arXiv:1912.09818, whose random logit this is.
    """
    alike = comparison(similarity, model)
    _check_classes(model)
    step = bound(explainer, model)

    def measure(case: Case) -> Measurement:
        classes = dims(model.class_scores(model.run(case.inputs)))[1]
        maps = step(case.inputs, tf.gather(_partners(classes, seed), case.targets)).maps
        return Measurement(alike(case.maps, tf.nest.map_structure(lambda leaf: leaf[..., 0], maps)))

    return measure


def _check_classes(model: Model) -> None:
    if model.target_function is not None:
        raise ModelError(f"random_logit explains another class of {model.name}, and a target function has none.")
    if model.class_scores(model.preview).shape[-1] == 1:
        raise ModelError(f"random_logit explains another class, and {model.name} has one output alone.")


def _partners(classes: int | Tensor, seed: int) -> Tensor:
    """Give each class another one, [classes]."""
    others = tf.cast(classes - 1, tf.float32)
    away = 1 + tf.cast(uniform([classes], (seed,)) * others, tf.int32)
    return (tf.range(classes) + away) % classes
