"""`explain`, `layers` and `demo`, on real pictures and models."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from xaikit import explain
from xaikit.cli import main
from xaikit.demo import model_path, shapes
from xaikit.models import load
from xaikit.targets import difference


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return ended.value.code or 0, out, err


def width_of(path):
    with Image.open(path) as image:
        return image.width


@pytest.fixture(scope="module")
def drawn():
    return shapes(3, side=48).images


@pytest.fixture
def pictures(tmp_path, drawn):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, image in enumerate(drawn):
        Image.fromarray(image).save(folder / f"shape{i}.png")
    return folder


@pytest.fixture(scope="module")
def fixed(tmp_path_factory):
    """A model of fixed size that does not say how it wants its pictures, in a file."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((16, 16, 1))
    features = layers.Conv2D(4, 3, activation="relu", name="only")(inputs)
    outputs = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(features))
    path = tmp_path_factory.mktemp("models") / "fixed.keras"
    keras.Model(inputs, outputs, name="fixed").save(path)
    return path


def test_an_expression_gives_an_overlay_a_map_and_a_manifest(capsys, pictures, drawn, tmp_path):
    code, out, err = run(capsys, "explain", "gradcam", pictures, "-o", tmp_path / "out")

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    row = manifest["pictures"][1]
    expected = explain("gradcam", load(model_path()), drawn)
    assert code == 0
    assert len(out.splitlines()) == 3
    assert "layer: backbone/block6_relu" in err
    assert sorted(manifest["files"]) == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert manifest["expression"] == "gradcam"
    assert manifest["layer"] == "backbone/block6_relu"
    assert manifest["versions"].keys() >= {"python", "xaikit", "keras", "tensorflow", "numpy"}
    assert len(row["sha256"]) == 64
    assert width_of(tmp_path / "out" / row["overlay"]) > 500
    np.testing.assert_array_equal(np.load(tmp_path / "out" / row["map"]), expected.maps[1])
    assert row["scores"] == pytest.approx(expected.scores[1].tolist())


def test_a_composition_is_written_as_in_python_and_recorded_in_full(capsys, pictures, drawn, tmp_path):
    text = "smooth(tta(gradcam), repetitions=2, relative=True)"

    code, out, _ = run(capsys, "explain", text, pictures, "-o", tmp_path / "out", "--json", "-p", "scales=(0.5,)")

    manifest = json.loads(out)
    spelled = "smooth(tta(gradcam, scales=(0.5,)), repetitions=2, relative=True)"
    expected = explain(spelled, load(model_path()), drawn).maps[0]
    assert code == 0
    assert manifest["expression"] == spelled
    assert manifest["parameters"]["parameters"]["noise"] == 0.1
    assert manifest["parameters"]["explainers"][0]["explainers"][0]["name"] == "gradcam"
    np.testing.assert_array_equal(np.load(tmp_path / "out" / manifest["pictures"][0]["map"]), expected)


def test_without_pictures_the_embedded_ones_are_explained(capsys, tmp_path):
    code, out, _ = run(capsys, "explain", "gradcam", "-o", tmp_path / "out")

    assert code == 0
    assert all(f"{name} " in line for name, line in zip(("square", "cross", "star"), out.splitlines(), strict=False))


def test_layer_target_and_labels_are_taken_at_their_word(capsys, pictures, tmp_path):
    words = ("--layer", "block5_relu", "--target", "ring")

    code, out, err = run(capsys, "explain", "gradcam", pictures / "shape0.png", "-o", tmp_path / "out", *words)

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert code == 0
    assert "ring" in out
    assert "layer: backbone/block5_relu" in err
    assert manifest["pictures"][0]["targets"] == [5]


def test_two_classes_are_told_apart(capsys, pictures, drawn, tmp_path):
    words = ("--target", "top1-top2")

    code, out, err = run(capsys, "explain", "gradcam", pictures, "-o", tmp_path / "out", *words)

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    expected = explain("gradcam", load(model_path()), drawn, difference("top1", "top2"))
    assert code == 0
    assert "rather than top2 score" in out
    assert "targets: difference('top1', 'top2')" in err
    assert manifest["target"] == "difference('top1', 'top2')"
    np.testing.assert_array_equal(np.load(tmp_path / "out" / manifest["pictures"][1]["map"]), expected.maps[1])


@pytest.mark.parametrize("which", ["second", "1"])
def test_one_of_several_outputs_is_explained(capsys, pictures, tmp_path, which):
    inputs = keras.Input((16, 16, 3))
    features = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    heads = [keras.layers.Dense(n, "softmax", name=name)(pooled) for n, name in ((2, "first"), (3, "second"))]
    keras.Model(inputs, heads).save(tmp_path / "heads.keras")
    words = ("-m", tmp_path / "heads.keras", "--output-name", which, "--target", "2", "-o", tmp_path / "out")

    code, out, _ = run(capsys, "explain", "gradcam", pictures / "shape0.png", *words)

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert code == 0
    assert "class 2" in out
    assert "%" in out
    assert manifest["target"] == f"output({'1' if which == '1' else repr(which)}, targets=2)"
    code, _, err = run(capsys, "explain", "gradcam", pictures / "shape0.png", *words[:2], "--output-name", "third")
    assert code == 2
    assert "no output named 'third': model" in err
    assert "'first', 'second'" in err


def test_several_targets_share_a_picture(capsys, pictures, tmp_path):
    words = ("--target", "top2")

    code, _, _ = run(capsys, "explain", "gradients", pictures / "shape0.png", "-o", tmp_path / "out", *words)

    row = json.loads((tmp_path / "out" / "manifest.json").read_text())["pictures"][0]
    assert code == 0
    assert len(row["targets"]) == len(set(row["targets"])) == 2
    assert row["map_shape"] == [48, 48, 3, 2]


def test_a_model_of_fixed_size_gets_grey_pictures_of_that_size(capsys, pictures, fixed, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("cat\ndog\nheron\n")

    code, out, err = run(capsys, "explain", "cam", pictures, "-m", fixed, "--labels", labels, "-o", tmp_path / "out")

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert code == 0
    assert "0 to 1" in err
    assert any(name in out for name in ("cat", "dog", "heron"))
    assert manifest["pictures"][0]["fed_size"] == [16, 16]


def test_a_fixed_size_is_refused_before_anything_is_written(capsys, pictures, fixed, tmp_path):
    code, out, err = run(capsys, "explain", "tta(gradcam)", pictures, "-m", fixed, "-o", tmp_path / "out")

    assert (code, out) == (3, "")
    assert "scales=()" in err.splitlines()[-1]
    assert {path.name for path in tmp_path.iterdir()} == {"pictures"}


def test_one_bad_picture_fails_by_itself(capsys, pictures, tmp_path):
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")

    code, out, err = run(capsys, "explain", "gradcam", pictures, "-o", tmp_path / "out")

    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert code == 5
    assert len(out.splitlines()) == 3
    assert [row["picture"] for row in manifest["failed"]] == [str(pictures / "broken.png")]
    assert err.splitlines()[-1] == "error: 1 of 4 pictures could not be explained."


def test_when_no_picture_is_left_nothing_is_written(capsys, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")

    code, _, _ = run(capsys, "explain", "gradcam", tmp_path / "broken.png", "-o", tmp_path / "out")

    assert code == 4
    assert not (tmp_path / "out").exists()


def test_somebody_elses_folder_is_left_alone(capsys, pictures, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")

    code, _, err = run(capsys, "explain", "gradcam", pictures, "-o", tmp_path / "out")

    assert code == 7
    assert "not xaikit's" in err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_results_of_an_earlier_run_are_replaced(capsys, pictures, tmp_path):
    run(capsys, "explain", "gradcam", pictures, "-o", tmp_path / "out")
    code, _, _ = run(capsys, "explain", "gradients", pictures / "shape0.png", "-o", tmp_path / "out")

    assert code == 0
    assert len(list((tmp_path / "out").iterdir())) == 3


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("smooth(gradcam",), 2, "never closed"),
        (("gradcam", "-m", "{fixed}"), 2, "Give the pictures"),
        (("gradcam", "{pictures}", "--target", "heron"), 2, "heron"),
        (("gradcam", "{pictures}", "--target", "ring-rong"), 2, "There is no class named 'ring-rong'"),
        (("gradcam", "{pictures}", "--target", "ring-5"), 2, "a class less itself"),
        (("gradcam", "{pictures}", "--target", "9"), 2, "Target 9 is out of range: the model has 6 outputs, 0 to 5"),
        (("gradcam", "{pictures}", "--layer", "blok5_relu"), 2, "block5_relu"),
        (("gradients", "{pictures}", "--layer", "block5_relu"), 2, "reads no layer"),
        (("gradcam", "{pictures}", "-p", "noise=1"), 2, "has no parameter 'noise'"),
        (("smooth(gradcam)", "{pictures}", "-p", "repetitions=0"), 2, "must be at least 1, not 0"),
        (("gradcam", "{pictures}", "--preprocess", "vgg"), 2, "--preprocess must be"),
        (("gradcam", "{pictures}", "--size", "big"), 2, "--size must be"),
        (("gradcam", "nowhere.png"), 4, "nowhere.png"),
        (("gradcam", "{pictures}", "-m", "nowhere.keras"), 3, "nowhere.keras"),
        (("gradcam", "{pictures}", "-o", "/dev/null/out"), 7, "/dev/null"),
    ],
)
def test_a_foreseen_error_is_one_line_with_its_code(capsys, pictures, fixed, tmp_path, monkeypatch, words, code, says):
    monkeypatch.chdir(tmp_path)
    places = {"{pictures}": pictures, "{fixed}": fixed}

    ended, out, err = run(capsys, "explain", *(places.get(word, word) for word in words))

    assert (ended, out) == (code, "")
    assert says in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in err
    assert {path.name for path in tmp_path.iterdir()} == {"pictures"}


def test_noise_that_smooths_nothing_is_warned_of(capsys, pictures, tmp_path):
    words = ("smooth(gradients, repetitions=1, noise=0.01)", pictures / "shape0.png")

    _, _, err = run(capsys, "explain", *words, "-o", tmp_path / "out")

    assert "warning: smooth: noise=0.01 is less than a thousandth" in err


def test_layers_are_drawn_with_paths_and_the_default_is_marked(capsys):
    code, out, _ = run(capsys, "layers", "--json")

    rows = {row["path"]: row for row in json.loads(out)}
    assert code == 0
    assert [path for path, row in rows.items() if row["default"]] == ["backbone/block6_relu"]
    assert rows["backbone/block6_relu"]["shape"][-1] == 56
    assert not rows["pool"]["positions"]

    _, tree, _ = run(capsys, "layers")
    assert any("block6_relu" in line and line.rstrip().endswith("*") for line in tree.splitlines())


def test_the_demo_compares_methods_and_the_heat_lies_on_the_shapes(capsys, tmp_path):
    code, out, _ = run(capsys, "demo", "--count", "2", "-o", tmp_path / "out", "--json")

    found = json.loads(out)
    assert code == 0
    assert width_of(tmp_path / "out" / "comparison.png") > 800
    assert found["mean_inside"]["gradcam"] > 3 * found["mean_area"]


def test_a_file_name_that_looks_like_markup_is_shown_as_it_is(capsys, drawn, tmp_path):
    name = tmp_path / "[bold]a$x$[red].png"
    Image.fromarray(drawn[0]).save(name)

    code, out, _ = run(capsys, "explain", "gradcam", name, "-o", tmp_path / "out")

    assert code == 0
    assert str(name) in out


def test_details_of_each_map_go_into_the_manifest(capsys, pictures, tmp_path):
    expression = "integrated_gradients(steps=4)"
    code, out, _ = run(capsys, "explain", expression, pictures, "-o", tmp_path / "out", "--target", "top2", "--details")

    rows = json.loads((tmp_path / "out" / "manifest.json").read_text())["pictures"]
    assert code == 0
    assert out.count("completeness_gap: ") == 3
    assert [len(row["details"]["completeness_gap"]) for row in rows] == [2, 2, 2]
    plain, _, _ = run(capsys, "explain", expression, pictures, "-o", tmp_path / "plain")
    assert plain == 0
    assert json.loads((tmp_path / "plain" / "manifest.json").read_text())["pictures"][0]["details"] == {}
