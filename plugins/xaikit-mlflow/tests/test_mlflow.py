"""What is in the store afterwards: a local one, of files, without server and network."""

import json
import os
import re
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import keras
import numpy as np
import pytest
from PIL import Image

from xaikit import explain, find, gradcam, gradients, heatmap, smooth
from xaikit.errors import ModelError, ParameterError, TargetError, UnknownName, UsageError, XaikitWarning

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when it is imported
mlflow = pytest.importorskip("mlflow", reason="pip install -e plugins/xaikit-mlflow")
xaikit_mlflow = pytest.importorskip("xaikit_mlflow", reason="pip install -e plugins/xaikit-mlflow")
LogExplanations, log_explanation = xaikit_mlflow.LogExplanations, xaikit_mlflow.log_explanation

DRAWS = np.random.default_rng(2)
PICTURES = DRAWS.normal(size=(3, 8, 8, 3)).astype("float32")
CLASSES = np.array([0, 1, 1])


@pytest.fixture(autouse=True)
def _store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    yield
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def run():
    with mlflow.start_run() as run:
        yield run


def artifacts(run):
    return Path(url2pathname(urlparse(run.info.artifact_uri).path))


def files(run):
    folder = artifacts(run)
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def convolutional():
    inputs = keras.Input((8, 8, 3))
    features = keras.layers.Conv2D(2, 3, name="conv")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(features)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(pooled))
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def model():
    return convolutional()


@pytest.fixture(scope="module")
def explained(model):
    return explain(smooth(gradcam, repetitions=2), model, PICTURES, "all", details=True)


def test_expression_parameters_scores_targets_and_details_are_logged(explained, run):
    log_explanation(explained)

    found = json.loads((artifacts(run) / "explanation/explanation.json").read_text("utf-8"))
    assert find(found["explainer"]) == explained.explainer
    assert found["parameters"]["parameters"]["noise"] == 0.1  # a default
    assert found["parameters"]["explainers"][0]["name"] == "gradcam"
    assert found["notes"]["layer"] == "conv"
    np.testing.assert_allclose(found["scores"], explained.scores, rtol=1e-6)
    assert found["targets"] == [[0, 1]] * 3
    np.testing.assert_allclose(found["details"]["standard_error"], explained.details["standard_error"], rtol=1e-6)
    assert found["step"] is None
    assert mlflow.get_run(run.info.run_id).data.tags["xaikit.explanation"] == "smooth(gradcam, repetitions=2)"


def test_the_maps_are_logged_as_they_are_with_a_picture(explained, run):
    log_explanation(explained, "first", labels=["cat", "dog"])

    with np.load(artifacts(run) / "first/arrays.npz") as arrays:
        assert set(arrays) == {"maps", "scores", "targets"}
        np.testing.assert_array_equal(arrays["maps"], explained.maps)
        np.testing.assert_array_equal(arrays["scores"], explained.scores)
        np.testing.assert_array_equal(arrays["targets"], explained.targets)
    with Image.open(artifacts(run) / "first/picture.png") as picture:
        assert picture.format == "PNG"
        assert len(np.unique(np.asarray(picture))) > 10


def test_a_step_has_a_folder_and_a_time_stepped_image(explained, run):
    for step in (0, 12):
        log_explanation(explained, "watch", step=step)

    found = files(run)
    assert [name for name in found if name.startswith("watch/")] == [
        f"watch/{step}/{name}"
        for step in ("0000", "0012")
        for name in ("arrays.npz", "explanation.json", "picture.png")
    ]
    assert sum(name.startswith("images/watch") and name.endswith(".png") for name in found) == 2
    assert json.loads((artifacts(run) / "watch/0012/explanation.json").read_text("utf-8"))["step"] == 12


def test_maps_of_several_inputs_are_named_and_why_there_is_no_picture_is_said(run):
    inputs = {"left": keras.Input((2,), name="left"), "right": keras.Input((3,), name="right")}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    model = keras.Model(inputs, keras.layers.Dense(1)(joined))
    explained = explain(gradients, model, {"left": np.ones((2, 2)), "right": np.ones((2, 3))}, lambda scores: scores)

    log_explanation(explained)

    assert files(run) == ["explanation/arrays.npz", "explanation/explanation.json"]
    with np.load(artifacts(run) / "explanation/arrays.npz") as arrays:
        assert set(arrays) == {"maps/left", "maps/right", "scores"}  # a target function has no indices
        np.testing.assert_array_equal(arrays["maps/right"], explained.maps["right"])
    found = json.loads((artifacts(run) / "explanation/explanation.json").read_text("utf-8"))
    assert found["targets"] is None
    assert found["no picture"].startswith("Explanations of several inputs")


def test_without_an_active_run_nothing_is_logged(explained, tmp_path):
    with pytest.raises(UsageError, match="no active MLflow run"):
        log_explanation(explained)
    with pytest.raises(UsageError, match="no active MLflow run"):
        LogExplanations(gradcam, PICTURES).on_train_begin()

    assert mlflow.active_run() is None
    assert not (tmp_path / "store").exists()


def test_what_is_no_explanation_is_refused(run):
    with pytest.raises(UsageError, match=r"takes what xaikit\.explain gave, not tuple"):
        log_explanation((np.ones((1, 1)), np.ones((1, 2, 1))))


def test_training_is_logged_before_it_and_after_every_so_many_epochs(run):
    model = convolutional()
    before = explain(heatmap(gradcam), model, PICTURES, CLASSES).maps
    watch = LogExplanations("heatmap(gradcam)", PICTURES, CLASSES, every=2, name="watch")

    model.fit(PICTURES, CLASSES, epochs=3, verbose=0, callbacks=[watch])
    model.fit(PICTURES, CLASSES, initial_epoch=3, epochs=4, verbose=0, callbacks=[watch])

    folders = sorted(path.name for path in (artifacts(run) / "watch").iterdir())
    assert folders == ["0000", "0002", "0003", "0004"]  # and before it went on
    maps = {name: np.load(artifacts(run) / "watch" / name / "arrays.npz")["maps"] for name in folders}
    np.testing.assert_array_equal(maps["0000"], before)
    np.testing.assert_array_equal(maps["0004"], explain(heatmap(gradcam), model, PICTURES, CLASSES).maps)
    assert not np.allclose(maps["0000"], maps["0004"])


@pytest.mark.parametrize(
    ("explainer", "targets", "error"),
    [(gradcam(layer="convv"), "top1", UnknownName), (gradcam, 7, TargetError), (gradcam(layer="pool"), 0, ModelError)],
)
def test_what_cannot_be_explained_fails_before_training(run, explainer, targets, error):
    model = convolutional()
    before = model.get_weights()

    with pytest.raises(error):
        model.fit(PICTURES, CLASSES, verbose=0, callbacks=[LogExplanations(explainer, PICTURES, targets)])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert files(run) == []


def test_a_store_that_cannot_be_written_fails_before_training(run):
    model = convolutional()
    before = model.get_weights()
    artifacts(run).mkdir(parents=True, exist_ok=True)
    (artifacts(run) / "explanation").write_text("a file in the place of the folder")

    with pytest.raises(OSError, match="explanation"):
        model.fit(PICTURES, CLASSES, verbose=0, callbacks=[LogExplanations(gradcam, PICTURES)])
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_what_fails_later_is_a_warning_and_training_goes_on(run):
    class Broken(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.get_layer("conv").bias.assign([np.inf, 0.0])

    model = convolutional()
    watch = LogExplanations(gradcam, PICTURES, 0)

    with pytest.warns(XaikitWarning, match=r"After epoch [23] no explanation was logged \(ModelError: ") as seen:
        history = model.fit(PICTURES, CLASSES, epochs=3, verbose=0, callbacks=[Broken(), watch])

    assert len(history.epoch) == 3
    assert len(seen) == 2
    assert sorted(path.name for path in (artifacts(run) / "explanation").iterdir()) == ["0000", "0001"]


def test_bad_arguments_are_refused_where_they_are_given():
    with pytest.raises(ParameterError, match="every must be at least 1, not 0"):
        LogExplanations(gradcam, PICTURES, every=0)
    with pytest.raises(UnknownName, match="Did you mean 'gradcam'"):
        LogExplanations("gradcm", PICTURES)


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
