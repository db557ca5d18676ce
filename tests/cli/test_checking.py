"""`xaikit check`: the laws from the command line."""

import json

import keras
import numpy as np
import pytest

from tests.oracles.weights import settled
from xaikit.cli import main
from xaikit.cli.checking import Found, merged
from xaikit.core import Explanation, forward, gradient, method, per_target, tf
from xaikit.registry import Entry, configure, registry
from xaikit.testing import Verdict


def run(capsys, *arguments):
    code = 0
    try:
        main(["check", *arguments])
    except SystemExit as ended:
        code = ended.code or 0
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture(autouse=True)
def _fresh_registry():
    yield
    configure()


@method
def averaged(model):
    """Take off the mean of the batch."""

    def step(inputs, targets):
        scores = forward(model, inputs, targets)
        maps = per_target(lambda score: gradient(score, inputs), scores)
        return Explanation(scores, maps - tf.reduce_mean(maps, axis=0, keepdims=True))

    return step


def test_laws_are_judged_on_the_small_model_and_the_embedded_one(capsys):
    code, out, err = run(capsys, "gradcam", "--only", "neighbours", "--only", "complete", "--only", "tables", "--json")

    found = json.loads(out)
    verdicts = {(each["law"], each["model"]): each for each in found["verdicts"]}
    assert (code, found["explainer"], found["broken"]) == (0, "gradcam", [])
    assert set(verdicts) == {
        *((law, "sample") for law in ("neighbours", "complete", "tables")),
        *((law, "demo") for law in ("neighbours", "complete")),
    }
    assert verdicts["neighbours", "demo"]["outcome"] == "pass"
    assert 0 <= verdicts["neighbours", "demo"]["figure"] <= 1e-4
    assert verdicts["neighbours", "demo"]["meaning"] == "An example alone has the map that it has among others."
    assert verdicts["complete", "sample"]["outcome"] == "skip"
    assert verdicts["tables", "sample"]["text"].startswith("refused: No layer on the way")
    assert err.splitlines()[0] == "checking gradcam on sample: 3 laws"


def test_a_broken_law_is_in_the_table_and_an_error(capsys):
    registry().catalogue["averaged"] = Entry("averaged", averaged, "xaikit-averaged")

    code, out, err = run(capsys, "averaged", "--only", "neighbours", "--only", "spelling")

    assert code == 6
    assert err.splitlines()[-1] == "error: averaged breaks 1 of 2 laws: neighbours."
    header, spelling, neighbours, *more = out.splitlines()
    assert header.split() == ["LAW", "FIGURE", "WHAT", "IT", "MEANS"]
    assert spelling.split() == ["spelling", "pass", "An", "explainer", "reads", "back", "as", "it", "is", "written."]
    assert neighbours.startswith("neighbours  fail")
    assert "the map of example 0 alone: they differ by" in " ".join([neighbours, *more])


def test_a_transformer_alone_is_checked_around_three_explainers(capsys):
    code, out, _ = run(capsys, "absolute", "--only", "operands", "--only", "neighbours", "--json")

    verdicts = json.loads(out)["verdicts"]
    assert code == 0
    assert [each["explainer"] for each in verdicts] == [
        *("absolute", "absolute(gradients)", "absolute(gradcam)", "absolute(rise(samples=8))")
    ]


def test_a_metric_is_checked_by_the_laws_of_metrics(capsys):
    code, out, err = run(capsys, "relevance_mass", "--only", "empty mask", "--only", "neighbours", "--json")

    found = json.loads(out)
    assert (code, found["explainer"], found["broken"]) == (0, "relevance_mass", [])
    assert [(each["law"], each["outcome"], each["model"]) for each in found["verdicts"]] == [
        ("neighbours", "pass", "sample"),
        ("empty mask", "pass", "sample"),
    ]
    assert err.splitlines()[0] == "checking relevance_mass on sample: 2 laws"


def test_a_model_of_one_s_own_is_checked_with_random_inputs_or_given_ones(capsys, tmp_path):
    inputs = keras.Input((5,))
    path, rows = tmp_path / "table.keras", tmp_path / "rows.npy"
    settled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))).save(path)
    np.save(rows, np.random.default_rng(1).normal(size=(4, 5)).astype("float32"))

    for words in (), ("--data", str(rows)):
        code, out, _ = run(capsys, "gradients", "--model", str(path), *words, "--only", "linear", "--quick", "--json")
        assert (code, [each["model"] for each in json.loads(out)["verdicts"]]) == (0, ["table.keras"])
    assert run(capsys, "gradcam", "--model", str(path))[0] == 3
    np.save(rows, np.zeros([4, 6], "float32"))
    assert run(capsys, "gradients", "--model", str(path), "--data", str(rows))[0] in (3, 4)
    assert run(capsys, "gradients", "--model", str(path), "--data", str(path))[0] == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("gradcam", "--only", "neighbour"), "There is no law named 'neighbour'. Did you mean 'neighbours'?"),
        (("gradcam", "--only", "operands"), "There is no law named 'operands'."),
        (("gradcam", "--only", "tables", "--quick"), "--quick leaves out all the laws of --only"),
        (("gradcam", "--data", "rows.npy"), "--data is for --model: give both, or neither."),
        (("gradcom",), "There is no method, transformer or metric named 'gradcom'. Did you mean 'gradcam'?"),
        (("deletion", "--only", "mirror"), "There is no law named 'mirror'."),
        (("deletion", "--only", "jit", "--quick"), "--quick leaves out all the laws of --only"),
        (("gradcam(layer='conv9')", "--only", "form"), "has no layer named 'conv9'"),
    ],
)
def test_a_wrong_call_is_refused_in_one_line(capsys, words, message):
    code, out, err = run(capsys, *words)

    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_of_several_verdicts_the_worst_is_shown_and_then_the_largest_figure():
    def found(outcome, figure, model):
        return Found(Verdict("batches", outcome, figure, "", "No batch size changes a map.", "e"), model)

    small, large = found("pass", 1e-9, "a"), found("pass", 1e-7, "b")
    skipped, warned, failed = found("skip", None, "c"), found("warning", None, "d"), found("fail", 0.0, "e")

    assert merged([small, large, skipped]) == [large]
    assert merged([skipped]) == [skipped]
    assert merged([large, warned]) == [warned]
    assert merged([failed, warned, large]) == [failed]
