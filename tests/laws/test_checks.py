"""The ways to check, and what they say: verdicts, reports, tests of pytest, warnings and refusals."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.laws.test_faulty import averaged
from xaikit import (
    attention_rollout,
    find,
    gradcam,
    gradients,
    method,
    over_channels,
    randomized,
    smooth,
)
from xaikit.core import Explanation, forward, tf
from xaikit.errors import ModelError, UnknownName, UsageError, XaikitWarning
from xaikit.testing import (
    CLAIMS,
    LAWS,
    TRANSFORMER_LAWS,
    Law,
    check_explainer,
    check_transformer,
    judge_explainer,
    parametrize_with_checks,
    random_inputs,
    sample_inputs,
    sample_model,
    sample_transformer,
)


@pytest.mark.parametrize("transformer", [smooth(repetitions=2), over_channels], ids=repr)
def test_transformers_keep_their_laws_around_explainers_of_three_sorts(transformer):
    laws = ["name", "operands", "structure", "itself", "form", "neighbours", "clean scores"]

    verdicts = check_transformer(transformer, laws=laws)

    around = {verdict.explainer for verdict in verdicts if verdict.law == "neighbours"}
    assert len(around) == 3
    assert {verdict.outcome for verdict in verdicts} == {"pass"}


def test_a_redrawn_model_s_own_scores_are_an_expected_failure_of_the_transformer():
    laws = ["structure", "clean scores"]

    verdicts = check_transformer(randomized, laws=laws, expected_failures={"clean scores": "it has its own"})

    assert {verdict.outcome for verdict in verdicts if verdict.law == "clean scores"} == {"fail"}


def test_every_law_has_a_name_and_a_statement_of_its_own():
    laws = (*TRANSFORMER_LAWS, *LAWS)

    assert len({law.name for law in laws}) == len({law.statement for law in laws}) == len(laws)
    assert all(law.statement.endswith(".") for law in laws)


def test_the_page_on_laws_explains_every_claim():
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "laws.md").read_text(encoding="utf-8")

    assert [claim for claim in CLAIMS if f"\n| {claim} |" not in page] == []


def test_a_verdict_says_what_was_measured_and_why_a_law_was_skipped():
    passed, skipped = judge_explainer(gradients, laws=["jit", "needs-layer"])

    assert (passed.law, passed.outcome, passed.explainer, passed.text) == ("jit", "pass", "gradients", "")
    assert 0 <= passed.figure < 1e-5
    assert (skipped.outcome, skipped.figure, skipped.text) == ("skip", None, "it does not claim it")


def test_methods_of_attention_are_checked_on_a_small_transformer():
    (verdict,) = judge_explainer(attention_rollout, laws=["neighbours"])

    assert verdict.outcome == "pass"
    assert sample_transformer().count_params() < 1000


def test_random_inputs_are_as_the_model_declares_them(table):
    assert random_inputs(table).shape == (5, 5)
    assert random_inputs(sample_model(), 3).shape == (3, 32, 32, 3)
    tokens = keras.Input((None,), dtype="int32")
    scaled = keras.Input((4, 4, 1))
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(scaled))
    embedded = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(10, 2)(tokens))
    words = random_inputs(keras.Model(tokens, embedded))
    pixels = random_inputs(keras.Model(scaled, hidden))

    assert (words.shape, words.dtype.name) == ((5, 32), "int32")
    assert (words.min() >= 1, words.max() <= 9) == (True, True)
    assert (pixels.min() >= 0, pixels.max() <= 255, pixels.max() > 100) == (True, True, True)


def test_a_report_lists_the_laws_that_are_broken_and_those_that_hold_against_expectation(table, rows):
    laws = ["spelling", "purity", "batches", "neighbours", "jit"]

    with pytest.raises(AssertionError) as failure:
        check_explainer(averaged, table, rows, ["spelling", "jit"], laws)

    text = str(failure.value)
    assert text.startswith("averaged breaks 3 of 5 laws:")
    assert "\n- batches (" in text
    assert "\n- neighbours (" in text
    assert "\n- jit (XLA changes no map beyond float tolerance.) It was expected to fail, and holds." in text
    assert "\n- spelling" not in text
    assert "\n- purity" not in text


def test_a_check_that_cannot_be_made_is_refused(table, rows):
    with pytest.raises(UnknownName, match=r"There is no law named 'jot'\. Did you mean 'jit'"):
        check_explainer(gradients, expected_failures=["jot"])
    with pytest.raises(UsageError, match="'smooth' is not complete"):
        check_explainer(smooth)
    with pytest.raises(UsageError, match="given together"):
        check_explainer(gradients, inputs=rows)
    with pytest.raises(UsageError, match="at least 3 examples, not 2"):
        check_explainer(gradients, table, rows[:2])
    with pytest.raises(UsageError, match=r"takes a transformer without its explainers, not smooth\(gradients\)"):
        check_transformer(smooth(gradients))
    with pytest.raises(UsageError, match="takes a transformer without its explainers, not gradients"):
        check_transformer(gradients)
    with pytest.raises(ModelError, match="positions"):
        check_explainer(gradcam, table, rows)
    with pytest.raises(UnknownName, match="no layer named 'conv9'"):
        check_explainer(gradcam(layer="conv9"))


@method
def inputs_alone(model):
    """Give the input for a map, whatever the model says of it."""

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        return Explanation(scores, inputs[..., tf.newaxis] * tf.ones_like(scores)[:, tf.newaxis])

    return step


def test_advice_warns_and_is_no_failure_unless_it_is_said_to_be_expected(table, rows):
    with pytest.warns(XaikitWarning, match=r"inputs_alone: .* hardly other ones \(redrawn weights 1\)"):
        (verdict,) = check_explainer(inputs_alone, table, rows, laws=["redrawn weights"])
    (expected,) = check_explainer(inputs_alone, table, rows, ["redrawn weights"], laws=["redrawn weights"])

    assert verdict.outcome == expected.outcome == "warning"
    with pytest.raises(AssertionError, match="It was expected to fail, and holds"):
        check_explainer(gradients, table, rows, ["redrawn weights"], laws=["redrawn weights"])


def cases(decorator):
    """The tests that a decorator makes: (id, marks, a function without arguments)."""
    return {case.id: (case.marks, partial(case.values[1], case.values[0])) for case in decorator.args[1]}


def test_tests_are_made_of_laws_with_skips_warnings_and_expected_failures(table, rows):
    names = ["linear", "redrawn weights", "spelling"]
    made = cases(parametrize_with_checks([inputs_alone], table, rows, {"spelling": "it is nobody's"}, names))

    assert list(made) == ["inputs_alone: spelling", "inputs_alone: linear", "inputs_alone: redrawn weights"]
    (mark,), check = made["inputs_alone: spelling"]
    assert (mark.name, mark.kwargs) == ("xfail", {"strict": True, "reason": "it is nobody's"})
    with pytest.raises(UnknownName):
        check()
    with pytest.raises(pytest.skip.Exception, match="does not claim it"):
        made["inputs_alone: linear"][1]()
    with pytest.warns(XaikitWarning, match="hardly other ones"):
        made["inputs_alone: redrawn weights"][1]()


def test_a_law_is_a_frozen_value():
    with pytest.raises(AttributeError):
        LAWS[0].name = "other"
    assert isinstance(LAWS[0], Law)
    assert np.array_equal(sample_inputs(), sample_inputs())
    assert find("gradients") == gradients
