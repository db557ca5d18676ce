"""`evaluate` on the command line."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from tests.oracles.weights import settled
from xaikit import deletion, gradcam
from xaikit.cli import main
from xaikit.demo import model_path, shapes
from xaikit.models import load

SHORT = "deletion(steps=2)"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *(str(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    return ended.value.code or 0, out, err


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((6, 6, 3))
    features = keras.layers.Conv2D(4, 3, activation="relu", name="only")(inputs)
    outputs = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling2D()(features))
    return settled(keras.Model(inputs, outputs, name="small"))


@pytest.fixture(scope="module")
def arrays(tmp_path_factory, model):
    """A folder with a model, and data of several kinds."""
    folder = tmp_path_factory.mktemp("data")
    model.save(folder / "small.keras")
    draws = np.random.default_rng(0)
    inputs = draws.normal(size=(5, 6, 6, 3)).astype("float32")
    targets, masks = np.array([0, 1, 2, 2, 1]), draws.uniform(size=(5, 6, 6)) > 0.5
    np.savez(folder / "all.npz", inputs=inputs, targets=targets, masks=masks)
    np.savez(folder / "some.npz", inputs=inputs)
    np.savez(folder / "other.npz", inputs=inputs, labels=targets)
    np.savez(folder / "short.npz", inputs=inputs, targets=targets[:3])
    np.savez(folder / "none.npz", x=inputs)
    np.savez(folder / "object.npz", inputs=np.array([{"a": 1}, None], dtype=object))
    (folder / "text.npz").write_text("no zip")
    pictures = folder / "pictures"
    pictures.mkdir()
    for i, image in enumerate(shapes(3, side=16).images):
        Image.fromarray(image).save(pictures / f"{i}.png")
    return folder


@pytest.mark.parametrize(("target", "aim"), [((), None), (("--target", "1"), 1)], ids=["the data's", "its own"])
def test_arrays_are_fed_as_they_are_and_bring_their_targets(capsys, arrays, model, target, aim):
    words = ("-m", arrays / "small.keras", "--data", arrays / "all.npz", "--metrics", SHORT, "--json")
    code, out, _ = run(capsys, "gradcam", *words, *target)

    with np.load(arrays / "all.npz") as file:
        given = dict(file)
    expected = deletion(steps=2)(gradcam, model, given["inputs"], given["targets"] if aim is None else aim)
    values = json.loads(out)["explainers"]["gradcam"]["metrics"][SHORT]["values"]
    assert code == 0
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_a_folder_of_pictures_is_fed_as_the_model_wants_it(capsys, arrays, model):
    words = ("-m", arrays / "small.keras", "--data", arrays / "pictures", "--metrics", SHORT, "--json")
    code, out, err = run(capsys, "gradients", *words)

    pictures = np.stack([np.asarray(Image.open(arrays / "pictures" / f"{i}.png").resize((6, 6))) for i in range(3)])
    assert code == 0
    assert "0 to 1" in err
    assert "3 pictures" in err
    assert json.loads(out)["examples"] == 3
    assert pictures.shape == (3, 6, 6, 3)


def test_without_a_model_the_embedded_pictures_are_evaluated(capsys):
    code, out, _ = run(capsys, "gradcam", "--metrics", SHORT, "--json")

    drawn = shapes(24)
    expected = deletion(steps=2)(gradcam, load(model_path()), drawn.images)
    values = json.loads(out)["explainers"]["gradcam"]["metrics"][SHORT]["values"]
    assert code == 0
    np.testing.assert_allclose(values, expected, rtol=1e-4)


def test_the_table_goes_to_stdout_and_files_where_they_are_asked_for(capsys, arrays, tmp_path):
    words = ("-m", arrays / "small.keras", "--data", arrays / "some.npz", "--metrics", SHORT)
    code, out, err = run(capsys, "gradients", *words, "-o", tmp_path / "out", "--csv", tmp_path / "cells.csv")

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert code == 0
    assert f"{SHORT} \N{DOWNWARDS ARROW}" in out
    assert "written to" in err
    assert sorted(manifest["files"]) == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert {"evaluation.csv", "evaluation.json", "bars.png"} < set(manifest["files"])
    assert [name for name in manifest["files"] if name.startswith("curves-1-deletion")]
    assert (tmp_path / "cells.csv").read_text() == (tmp_path / "out" / "evaluation.csv").read_text()


def test_what_cannot_be_measured_is_done_in_part(capsys, arrays):
    words = ("-m", arrays / "small.keras", "--data", arrays / "some.npz", "--metrics", SHORT)
    code, out, err = run(capsys, "gradients", "attention_rollout", *words)

    assert code == 5
    assert "[1] No attention is seen" in out
    assert "1 of 2 cells could not be measured" in err
    assert run(capsys, "gradients", "attention_rollout", *words, "--strict")[0] == 3


def test_a_gate_says_by_its_exit_code_whether_a_mean_is_good_enough(capsys, arrays):
    words = ("-m", arrays / "small.keras", "--data", arrays / "some.npz", "--metrics", SHORT)

    code, out, _ = run(capsys, "gradients", *words, "--fail-above", "deletion=1")
    assert (code, out.count("ok: deletion(steps=2) of gradients is 0.")) == (0, 1)
    strict = ("--fail-above", "deletion=1", "--fail-above", f"{SHORT}=0.001")
    code, out, err = run(capsys, "gradients", "attention_rollout", *words, *strict)
    assert code == 8
    assert "ok: deletion(steps=2) of gradients" in out
    assert "missed: deletion(steps=2) of gradients" in out
    assert "missed: deletion(steps=2) of attention_rollout is nan, wanted at most 1" in out  # not measured: not good
    assert "3 of the thresholds are missed" in err
    assert "not at most 0.001" in err


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ((), 2, "Give the expressions to compare"),
        (("gradients", "-m", "x.keras"), 2, "Give the data"),
        (("gradients", "--suite", "grid", "--target", "1"), 2, "A suite brings its own"),
        (("gradients", "--fail-under", "deletion=0.1"), 2, "Of deletion, lower is better: say --fail-above deletion="),
        (("gradients", "--fail-above", "deletion=much"), 2, "METRIC=VALUE"),
        (("gradients", "--batch-size", "0"), 2, "--batch-size must be"),
        (("gradients", "--metrics", "gradcam"), 2, "gradcam is none"),
        (("gradients", "--suite", "grit"), 2, "Did you mean 'grid'"),
        (("gradients", "--data", "nowhere.npz"), 4, "There is no nowhere.npz"),
        (("gradients", "--data", "{}/text.npz"), 4, "is no .npz"),
        (("gradients", "--data", "{}/none.npz"), 4, "lacks the array 'inputs'; it has: 'x'"),
        (("gradients", "--data", "{}/other.npz"), 4, "holds 'labels', which means nothing here"),
        (("gradients", "--data", "{}/short.npz"), 4, "targets must have one entry for each"),
        (("gradients", "--data", "{}/object.npz"), 4, "Cannot read"),
        (("gradients", "--data", "{}/some.npz", "--size", "3"), 2, "fed as they are"),
    ],
)
def test_a_wrong_call_is_one_line(capsys, arrays, words, code, text):
    found, out, err = run(capsys, *(word.format(arrays) for word in words))

    assert (found, out) == (code, "")
    assert text in err.splitlines()[-1]


def test_a_suite_is_evaluated_by_name(capsys):
    code, out, err = run(
        capsys, "gradients", "gradcam", "--suite", "grid", "--metrics", "deletion(steps=2, on='logit')"
    )

    assert code == 0
    assert "grid: 32 examples" in err
    assert "\n gradients " in out
    assert "\n random " in out
