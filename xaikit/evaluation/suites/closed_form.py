"""Functions whose attributions are known: what each feature adds is a function of that feature alone."""

from typing import Any

import numpy as np

from ...core import Model, Recipe, Tensor, dims, keras, tf
from ...core.masking import masked_scores
from ...errors import ModelError
from ...measuring import Case, Measure, Measurement, metric
from .suite import Part, Suite

_FEATURES, _OUTPUTS = 6, 3


@metric(better="lower")
def deviation(explainer: Any, model: Model) -> Measure:
    """How far a map is from the truth, at most, of explainers that claim to be complete.

    Of a function that adds up what its features give, f(x) = sum of g_i(x_i), each attribution next to the baseline 0
    is g_i(x_i) - g_i(0): it is found by feeding the model one feature at a time. The value is the largest difference,
    as a share of the largest attribution: 0 is exact.

    Cost: a forward pass for each feature, and one for the baseline.

    Raises:
        ModelError: The explainer does not claim to be complete, so that it may give something else.
    """
    claims = explainer.declaration.docstring.sections.get("Claims", "") if isinstance(explainer, Recipe) else "complete"
    if "complete" not in claims:
        raise ModelError("It does not claim to be complete, so there is no closed form to compare it with.")

    def measure(case: Case) -> Measurement:
        count = dims(case.inputs)[1]

        def alone(i: Any) -> Tensor:  # the last one is the baseline
            return case.inputs * tf.one_hot(i, count, dtype=case.inputs.dtype)

        scores = masked_scores(model, case.inputs, case.targets, count + 1, alone)[:, 0]
        truth = scores[:, :-1] - scores[:, -1:]
        wrong = tf.reduce_max(tf.abs(tf.cast(case.maps, truth.dtype) - truth), axis=1)
        return Measurement(wrong / tf.reduce_max(tf.abs(truth), axis=1))

    return measure


def make(count: int = 24) -> Suite:
    """Make the suite: a linear function, one with a kink for each feature, and a smooth one, in float64."""
    draws = np.random.default_rng(0)
    inputs = draws.normal(size=(count, _FEATURES))
    targets = np.arange(count) % _OUTPUTS
    models = {"linear": _model("linear", draws), "kinked": _model("relu", draws), "smooth": _model("tanh", draws)}
    parts = {name: Part(model, inputs, targets, None, (deviation,)) for name, model in models.items()}
    text = f"closed-form: {count} examples of functions whose attributions are known: linear, kinked, smooth"
    return Suite("closed-form", text, parts, parameters={"expected_gradients": {"samples": 16, "baseline": 0.0}})


def _model(activation: str, draws: Any) -> Any:
    """Make sums over features of g(x_i), without biases; g is linear, or made of two units of one feature each."""
    inputs = keras.Input((_FEATURES,), dtype="float64")
    options = {"use_bias": False, "dtype": "float64"}
    hidden = inputs if activation == "linear" else keras.layers.Dense(2 * _FEATURES, activation, **options)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(_OUTPUTS, **options)(hidden), name=activation)
    shapes = [weights.shape for weights in model.get_weights()]
    weights = [draws.normal(size=shape) for shape in shapes]
    if len(weights) > 1:
        weights[0] *= np.repeat(np.eye(_FEATURES), 2, axis=1)  # each unit sees one feature
    model.set_weights(weights)
    return model
