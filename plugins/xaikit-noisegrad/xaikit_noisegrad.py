"""NoiseGrad: the average explanation over noisy copies of the model. A plugin for xaikit, in one file."""

from xaikit import hookimpl
from xaikit.core import (
    Count,
    Explainer,
    Explanation,
    Model,
    NonNegative,
    Seed,
    Step,
    Tensor,
    Tolerance,
    averaged_over,
    clean,
    learned_weights,
    maps_of,
    normal,
    transformer,
)
from xaikit.errors import ModelError


def _has_weights(model: Model, **_: object) -> None:
    """Refuse a model without weights, or with some that cannot be replaced."""
    if not learned_weights(model.keras_model):
        raise ModelError(f"noisegrad multiplies weights by noise, and {model.name} has none.")
    hidden = [call.path for call in model.preview.calls if call.kind == "TFSMLayer"]
    if hidden:
        raise ModelError(
            f"The weights of layer {hidden[0]!r} are inside of a SavedModel, where noisegrad has no reach."
        )


@transformer(requires=_has_weights)
def noisegrad(
    explainer: Explainer,
    model: Model,
    *,
    repetitions: Count = 20,
    deviation: NonNegative = 0.2,
    seed: Seed = 0,
    tolerance: Tolerance = 0.0,
) -> Step:
    """Average the maps of models whose weights are multiplied by noise; the user's own is never touched.

    Every weight that training moves, biases included and frozen or not, is multiplied by a number of its own from
    N(1, deviation^2); the statistics of normalisations stay. Each repetition is one draw, the same for every example,
    so that a map depends on no batch, replica or place. Targets and scores are those of the model as it is.

    The paper's rule for the deviation: as large as costs the model about 5 % of its accuracy, as counted from chance.
    FusionGrad, noise on weights and inputs, is `noisegrad(smooth(e))`, with few repetitions of each.

    Maps: as they were.
    Cost: `repetitions` times its explainer's, one after the other, and one forward pass; the weights are held twice.
    Claims: stochastic.

    Args:
        repetitions: How many noisy models; the clean one is none of them.
        deviation: Standard deviation of the noise, as a share of each weight.
        seed: Which draws.
        tolerance: Instead of a number of repetitions: go on until the standard error of each map, the largest one of
            its values, is below this, in the units of the map; 0 takes `repetitions`.

    Raises:
        ModelError: The model has no weights, or has them inside of a SavedModel.

    Source:
        Bykov, Hedström, Nakajima and Höhne, "NoiseGrad: Enhancing Explanations by Introducing Stochasticity to Model
        Weights", 2022. arXiv:2106.10185: the definitions of NoiseGrad and FusionGrad.
    """
    plain = explainer.bind(model)  # what cannot be explained is refused now
    variables = learned_weights(model.keras_model)

    def averaged(inputs: Tensor, targets: Tensor) -> Explanation:
        first = clean(plain, inputs, targets)
        known = model.weights or {}

        def maps(i: Tensor) -> Tensor:
            noisy = {}
            for number, variable in enumerate(variables):
                _, value = known.get(id(variable), (variable, variable.value))
                factors = 1 + deviation * normal(variable.shape, (seed, i, number), value.dtype)
                noisy[id(variable)] = (variable, value * factors)
            return maps_of(explainer, model.changed(weights={**known, **noisy}), inputs, targets)

        found = averaged_over(maps, inputs, targets, repetitions, like=first, tolerance=tolerance, method="noisegrad")
        return Explanation(first.scores, found)

    return averaged


@hookimpl
def xaikit_explainers() -> list[object]:
    """Give what this plugin offers."""
    return [noisegrad]
