"""The promises for every explainer of the catalogue, and for random compositions of them; every law for a few."""

import keras
from hypothesis import given, settings

from tests.oracles.vits import pictures, vit
from tests.oracles.weights import settled
from tests.strategies import entries, explainers, small
from xaikit import (
    attention_relevance,
    attention_rollout,
    gradcam,
    gradients,
    occlusion,
    randomized,
    smooth,
)
from xaikit.testing import (
    ADVICE,
    CLAIMED,
    LAWS,
    PROMISES,
    THOROUGH,
    check_explainer,
    parametrize_with_checks,
    sample_inputs,
    sample_model,
)

LAW = {law.name: law for law in LAWS}
SLOW = ("composition", "no noise", "parts", "mirror")  # checked around methods
QUICK = [law.name for law in PROMISES if law.name not in SLOW]
ATTENTION = [attention_rollout, attention_relevance]  # the sample model has none
METHODS = [small(explainer) for explainer in entries("method") if explainer not in ATTENTION]


def around(transformer, explainer):
    """A transformer around an explainer, or around several of it."""
    return small(transformer(*[explainer] * (transformer.declaration.operands or 2)))


# another model's: its scores are its own, and no weights of the user's are left in it
REDRAWN = ("clean scores", "weights")
OTHERS = [transformer for transformer in entries("transformer") if transformer != randomized]
AROUND = [[around(transformer, explainer) for transformer in OTHERS] for explainer in (gradients, gradcam)]


@parametrize_with_checks(METHODS, laws=[law.name for law in PROMISES if law.name != "composition"])
def test_every_method_keeps_the_laws(explainer, check):
    check(explainer)


PICTURES = pictures((2, 14), 4, "float32")
TRANSFORMER = vit(
    size=(2, 14), scale=0.5, dtype="float32"
)  # eight tokens: sums of whole vectors have no order of their own
TRANSFORMER(PICTURES)  # Keras writes on inner layers where they stand, when they first run


@parametrize_with_checks(ATTENTION, model=TRANSFORMER, inputs=PICTURES, laws=[law.name for law in PROMISES])
def test_methods_of_attention_keep_the_laws_on_a_transformer(explainer, check):
    check(explainer)


@parametrize_with_checks([gradients, gradcam], laws=["composition"])
def test_every_transformer_takes_an_attribution_and_a_location_method(explainer, check):
    check(explainer)


@parametrize_with_checks(AROUND[0], laws=[name for name in QUICK if name != "jit"])
def test_every_transformer_around_an_attribution_keeps_the_laws(explainer, check):
    check(explainer)


@parametrize_with_checks(AROUND[1], laws=QUICK)
def test_every_transformer_around_a_location_method_keeps_the_laws(explainer, check):
    check(explainer)


@parametrize_with_checks(
    [randomized(gradients), randomized(gradcam)],
    laws=QUICK,
    expected_failures=REDRAWN,
)
def test_a_redrawn_model_keeps_all_the_laws_but_those_of_its_weights(explainer, check):
    check(explainer)


# the tests of kinds, of the engine and of the methods have the rest
A_FEW = [gradients, small(occlusion), smooth(gradcam, repetitions=2)]


@parametrize_with_checks(A_FEW, laws=[law.name for law in (*THOROUGH, *ADVICE)])
def test_a_few_keep_the_thorough_laws_too(explainer, check):
    check(explainer)


TRACED = [LAW[name] for name in ("form", "clean scores", "neighbours")]


@settings(max_examples=8, deadline=None)
@given(explainers(max_leaves=3, calm=True))
def test_random_compositions_keep_the_laws(explainer):
    for law in TRACED:
        law.check(explainer, sample_model(), sample_inputs())


@settings(max_examples=50)
@given(explainers())
def test_random_compositions_spell_themselves(explainer):
    LAW["spelling"].check(explainer, None, None)


def test_laws_hold_for_other_models_and_inputs(table, rows):
    check_explainer(gradients, table, rows)


def test_laws_hold_for_one_output(rows):
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(4, activation="relu")(inputs)
    model = settled(keras.Model(inputs, keras.layers.Dense(1)(hidden)))

    check_explainer(gradients, model, rows, laws=["form", "clean scores", "targets", "one trace", "linear"])


def test_laws_hold_for_several_inputs(rows):
    inputs = {"first": keras.Input((5,), name="first"), "second": keras.Input((3,), name="second")}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    hidden = keras.layers.Dense(4, activation="relu")(joined)
    model = settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden)))

    inputs = {"first": rows, "second": rows[:, :3]}

    check_explainer(gradients, model, inputs, laws=[law.name for law in (*PROMISES, *CLAIMED)])
