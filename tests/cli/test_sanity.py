"""`xaikit sanity`, on the embedded model and on one of one's own."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_explaining import run
from tests.conftest import convolutional, tinted


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A model and data in files, as the command takes them."""
    folder = tmp_path_factory.mktemp("given")
    convolutional("float32").save(folder / "pooled.keras")
    np.savez(folder / "tinted.npz", inputs=tinted(), targets=[0, 1, 2, 3, 0])
    return "--model", folder / "pooled.keras", "--data", folder / "tinted.npz"


def test_on_the_embedded_model_gradients_and_gradcam_pass_and_guided_backprop_fails(capsys, tmp_path):
    words = ("gradients", "gradcam", "guided_backprop", "--json", "-o", tmp_path / "out")

    code, out, _ = run(capsys, "sanity", *words)

    found = json.loads(out)
    guided, plain, located = (found["explainers"][name] for name in ("guided_backprop", "gradients", "gradcam"))
    assert code == 0
    assert (guided["passes"], plain["passes"], located["passes"]) == (False, True, True)
    assert guided["cascading"] > plain["cascading"] + 0.4
    assert guided["cascading"] > located["cascading"] + 0.4
    assert guided["all_redrawn"] > max(0.2, plain["all_redrawn"] + 0.15)
    assert guided["random_logit"] > 0.6 > 0.1 > plain["random_logit"]
    assert found["layers"][0] == "class"
    assert found["layers"][-1] == "backbone/block1_conv"
    assert all(len(curve) == 1 + len(found["layers"]) and curve[0] == 1 for curve in found["curves"].values())
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["explainers"] == found["explainers"]
    with Image.open(tmp_path / "out" / "sanity.png") as drawn:
        assert drawn.width > 1000


def test_a_table_says_what_is_left_and_only_a_threshold_fails(capsys, given):
    code, out, _ = run(capsys, "sanity", "gradcam", "eigencam", *given)
    strict, _, said = run(capsys, "sanity", "gradcam", "eigencam", *given, "--fail-above", "0.3")

    rows = {line.split()[0]: line.split()[-1] for line in out.splitlines()[2:]}
    assert (code, strict) == (0, 8)
    assert rows == {"EXPLAINER": "VERDICT", "gradcam": "passes", "eigencam": "fails"}
    assert "at most 0.2 passes" in out
    assert said.splitlines()[-1] == "error: eigencam kept more than 0.3 of their maps."


def test_what_cannot_be_checked_is_said_and_the_others_are(capsys, given):
    code, out, err = run(capsys, "sanity", "gradcam", "attention_rollout", *given, "--order", "bottom_up")

    assert code == 5
    assert "No attention is seen" in err
    assert "gradcam" in out
    assert err.splitlines()[-1] == "error: attention_rollout could not be checked."


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("gradcam", "--order", "sideways"), 2, "order must be 'top_down' or 'bottom_up'"),
        (("gradcam", "--similarity", "hog"), 2, "similarity must be 'spearman', 'pearson' or 'ssim'"),
        (("gradcan",), 2, "Did you mean 'gradcam'"),
        (("deletion",), 2, "is a metric"),
    ],
)
def test_what_was_asked_wrongly_is_said_in_one_line(capsys, given, words, code, says):
    actual, out, err = run(capsys, "sanity", *words, *given)

    assert (actual, out) == (code, "")
    assert says in err.splitlines()[-1]
