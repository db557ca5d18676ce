"""Every law for every explainer of the catalogue, and for random compositions of them."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings

from tests.oracles.vits import pictures, vit
from tests.oracles.weights import settled
from tests.strategies import entries, explainers, small
from xaikit import (
    attention_relevance,
    attention_rollout,
    find,
    gradcam,
    gradients,
    method,
    randomized,
    smooth,
    transformer,
)
from xaikit.core import Explanation, forward, gradient, per_target, tf
from xaikit.errors import UnknownName, UsageError
from xaikit.testing import LAWS, Law, check_explainer, parametrize_with_checks, sample_inputs, sample_model

LAW = {law.name: law for law in LAWS}
SLOW = ("composition", "no noise", "parts")  # checked around methods
ATTENTION = [attention_rollout, attention_relevance]  # the sample model has none
METHODS = [small(explainer) for explainer in entries("method") if explainer not in ATTENTION]


def around(transformer, explainer):
    """A transformer around an explainer, or around several of it."""
    return small(transformer(*[explainer] * (transformer.declaration.operands or 2)))


# another model's: its scores are its own, and no weights of the user's are left in it
REDRAWN = ("clean scores", "weights")
OTHERS = [transformer for transformer in entries("transformer") if transformer != randomized]
AROUND = [[around(transformer, explainer) for transformer in OTHERS] for explainer in (gradients, gradcam)]


@parametrize_with_checks(METHODS, laws=[law.name for law in LAWS if law.name != "composition"])
def test_every_method_keeps_the_laws(explainer, check):
    check(explainer)


PICTURES = pictures((2, 14), 4, "float32")
TRANSFORMER = vit(
    size=(2, 14), scale=0.5, dtype="float32"
)  # eight tokens: sums of whole vectors have no order of their own
TRANSFORMER(PICTURES)  # Keras writes on inner layers where they stand, when they first run


@parametrize_with_checks(ATTENTION, model=TRANSFORMER, inputs=PICTURES)
def test_methods_of_attention_keep_the_laws_on_a_transformer(explainer, check):
    check(explainer)


@parametrize_with_checks([gradients, gradcam], laws=["composition"])
def test_every_transformer_takes_an_attribution_and_a_location_method(explainer, check):
    check(explainer)


@parametrize_with_checks(AROUND[0], laws=[law.name for law in LAWS if law.name not in (*SLOW, "jit")])
def test_every_transformer_around_an_attribution_keeps_the_laws(explainer, check):
    check(explainer)


@parametrize_with_checks(AROUND[1], laws=[law.name for law in LAWS if law.name not in SLOW])
def test_every_transformer_around_a_location_method_keeps_the_laws(explainer, check):
    check(explainer)


@parametrize_with_checks(
    [randomized(gradients), randomized(gradcam)],
    laws=[law.name for law in LAWS if law.name not in SLOW],
    expected_failures=REDRAWN,
)
def test_a_redrawn_model_keeps_all_the_laws_but_those_of_its_weights(explainer, check):
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


def test_laws_hold_for_several_inputs(rows):
    inputs = {"first": keras.Input((5,), name="first"), "second": keras.Input((3,), name="second")}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    hidden = keras.layers.Dense(4, activation="relu")(joined)
    model = settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden)))

    check_explainer(gradients, model, {"first": rows, "second": rows[:, :3]})


def test_every_law_has_a_name_and_a_statement_of_its_own():
    assert len({law.name for law in LAWS}) == len({law.statement for law in LAWS}) == len(LAWS)
    assert all(law.statement.endswith(".") for law in LAWS)


# Explainers that break a law each: the laws must notice.


def simple(change):
    """A method whose maps are the slopes, changed by a function of (maps, inputs, model)."""

    @method
    def broken(model):
        """Break a law."""

        def step(inputs, targets):
            scores = forward(model, inputs, targets)
            slopes = per_target(lambda score: gradient(score, inputs), scores)
            return Explanation(scores, change(slopes, inputs, model))

        return step

    return broken


def noisy(slopes, inputs, model):
    return slopes + tf.random.normal(tf.shape(slopes))


def chancy(slopes, inputs, model):
    return slopes * np.random.normal()


def averaged(slopes, inputs, model):
    return slopes - tf.reduce_mean(slopes, axis=0, keepdims=True)


def numbered(slopes, inputs, model):
    return slopes * tf.reshape(tf.cast(tf.range(tf.shape(slopes)[0]), slopes.dtype), [-1, 1, 1, 1, 1])


def added(slopes, inputs, model):
    return slopes + tf.reduce_sum(slopes, axis=-1, keepdims=True)


def infinite(slopes, inputs, model):
    return slopes / tf.zeros_like(slopes)


def narrow(slopes, inputs, model):
    return tf.cast(slopes, tf.float16)


def cut(slopes, inputs, model):
    return slopes[..., :1]


def drawn_otherwise(slopes, inputs, model):
    return slopes + tf.random.stateless_normal(tf.shape(slopes)[1:], tf.stack([tf.shape(slopes)[0] * 0, 3]))


def patched(slopes, inputs, model):
    model.keras_model.layers[1].left_behind = True
    return slopes


def stepped(slopes, inputs, model):
    model.keras_model.layers[1].bias.assign_add([1.0, 0.0, 0.0, 0.0])
    return slopes


@transformer
def offset(step):
    """Move the scores."""

    def moved(inputs, targets):
        scores, maps = step(inputs, targets)
        return Explanation(scores + 1, maps)

    return moved


@pytest.mark.parametrize(
    ("explainer", "broken"),
    [
        (simple(noisy), "repetition"),
        (simple(chancy), "purity"),
        (simple(averaged), "neighbours"),
        (simple(averaged), "batches"),
        (simple(numbered), "order"),
        (simple(added), "targets"),
        (simple(infinite), "form"),
        (simple(narrow), "form"),
        (simple(cut), "form"),
        (simple(drawn_otherwise), "jit"),
        (simple(patched), "purity"),
        (simple(patched), "purity after an exception"),
        (simple(stepped), "purity"),
        (simple(noisy), "spelling"),
        (offset(gradients), "clean scores"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_law_is_noticed(explainer, broken):
    model = settled(keras.models.clone_model(sample_model()))

    with pytest.raises(Exception, match=r".") as failure:
        LAW[broken].check(explainer, model, sample_inputs())
    assert not isinstance(failure.value, TypeError), failure.value


def test_a_report_lists_the_laws_that_are_broken_and_those_that_hold_against_expectation(table, rows):
    with pytest.raises(AssertionError) as failure:
        check_explainer(simple(averaged), table, rows, expected_failures=["spelling", "jit"])

    text = str(failure.value)
    assert text.startswith("broken breaks ")
    assert "\n- batches (" in text
    assert "\n- neighbours (" in text
    assert "\n- jit (XLA changes no map beyond float tolerance.) It was expected to fail, and holds." in text
    assert "\n- spelling" not in text
    assert "\n- purity" not in text


def test_a_check_that_cannot_be_made_is_refused(rows):
    with pytest.raises(UnknownName, match=r"There is no law named 'jot'\. Did you mean 'jit'"):
        check_explainer(gradients, expected_failures=["jot"])
    with pytest.raises(UsageError, match="'smooth' is not complete"):
        check_explainer(smooth)
    with pytest.raises(UsageError, match="given together"):
        check_explainer(gradients, inputs=rows)


def test_a_law_is_a_frozen_value():
    with pytest.raises(AttributeError):
        LAWS[0].name = "other"
    assert isinstance(LAWS[0], Law)
    assert np.array_equal(sample_inputs(), sample_inputs())
    assert find("gradients") == gradients
