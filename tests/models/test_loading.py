"""Models of Keras load, and a file that would do anything else is refused in one line."""

import json
import logging
import os
import zipfile

import h5py
import keras
import numpy as np
import pytest

from xaikit.errors import ModelLoadError
from xaikit.models import load, sha256


@keras.saving.register_keras_serializable("tests")
class Doubling(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


class Unregistered(keras.layers.Layer):
    def call(self, inputs):
        return inputs


def distance(truth, found):
    return keras.ops.mean(found - truth)


def small(*layers):
    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3, activation="softmax")])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A model in each format, to copy and to spoil."""
    folder = tmp_path_factory.mktemp("whole")
    model = small(
        keras.layers.Dense(
            5, activation=keras.activations.gelu, kernel_regularizer="l2", kernel_initializer="he_normal"
        )
    )
    model.compile("adam", "mse")
    for ending in (".keras", ".h5"):
        model.save(folder / f"model{ending}")
    return folder


@pytest.fixture
def spoiled(tmp_path, whole):
    """Write the whole archive again, with a changed configuration and more members."""

    def write(change=lambda config: config, members=()):
        path = tmp_path / "model.keras"
        with zipfile.ZipFile(whole / "model.keras") as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                if name != "config.json":
                    new.writestr(name, old.read(name))
            text = change(json.loads(old.read("config.json")))
            new.writestr("config.json", text if isinstance(text, str) else json.dumps(text))
            for name, content in members:
                new.writestr(name, content)
        return path

    return write


def with_layer(**record):
    """Change a configuration so that it has one more layer."""

    def change(config):
        config["config"]["layers"].insert(1, {"config": {}, "registered_name": None} | record)
        return config

    return change


def refusal(path, **options):
    with pytest.raises(ModelLoadError) as refused:
        load(path, **options)

    assert str(refused.value).isprintable()
    assert str(refused.value).startswith("cannot load ")
    return str(refused.value)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_model_loads_as_it_was_saved_and_uncompiled(whole, ending):
    model = load(whole / f"model{ending}")

    expected = keras.saving.load_model(whole / f"model{ending}", compile=False)
    for ours, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not model.compiled


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_well_known_network_loads(tmp_path, ending):
    path = tmp_path / f"network{ending}"
    keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), alpha=0.35, classes=4).save(path)

    assert load(str(path)).output_shape == (None, 4)


def test_a_model_of_operations_loads(tmp_path):
    inputs = keras.Input((4, 2))
    shifted = keras.ops.where(inputs[:, 1:, None] > 0, inputs[:, 1:, None] - 1e9, 0.0)
    outputs = keras.ops.softmax(keras.layers.Bidirectional(keras.layers.LSTM(3))(shifted[:, :, 0]))
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")

    assert load(tmp_path / "model.keras").output_shape == (None, 6)


def test_a_layer_that_the_program_registered_loads(tmp_path):
    small(Doubling()).save(tmp_path / "model.keras")

    assert isinstance(load(tmp_path / "model.keras").layers[0], Doubling)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_layer_that_nobody_registered_is_named(tmp_path, ending):
    small(Unregistered()).save(tmp_path / f"model{ending}")

    assert "Unregistered" in refusal(tmp_path / f"model{ending}")


def test_a_loss_of_its_own_stops_no_model(tmp_path):
    model = small()
    model.compile(loss=distance)
    model.save(tmp_path / "model.keras")

    assert not load(tmp_path / "model.keras").compiled


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_lambda_is_refused_unless_the_file_is_trusted(tmp_path, ending, caplog):
    path = tmp_path / f"model{ending}"
    small(keras.layers.Lambda(lambda inputs: inputs * 3, output_shape=(4,))).save(path)

    assert "it has a Lambda" in refusal(path)
    with caplog.at_level(logging.WARNING, "xaikit"):
        assert load(path, trust=True).count_params() == 15
    assert caplog.messages[-1:] == [f"trusted {path}, SHA-256 {sha256(path)}"]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"module": "os", "class_name": "system", "config": {"command": "exit 1"}}, "it needs os.system"),
        ({"module": "os", "class_name": "function", "config": "system"}, "it needs os.system"),
        ({"module": "my_pkg", "class_name": "Foo", "registered_name": "my_pkg>Foo"}, "it needs my_pkg.Foo"),
        ({"module": "keras.config", "class_name": "set_floatx"}, "it needs keras.config.set_floatx"),
        ({"module": "keras.utils", "class_name": "function", "config": "get_file"}, "it needs keras.utils.get_file"),
        ({"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "x"}}, "it has a TFSMLayer"),
        ({"module": "keras.layers", "class_name": "Lambda", "config": {"function": "x"}}, "it has a Lambda"),
        ({"class_name": "__lambda__", "config": {"value": ["x", None, None]}}, "it has a lambda"),
        ({"module": "keras.layers", "class_name": "Dense", "config": {"units": 10**9}}, "asks for units = 1000000000"),
        ({"module": "keras.layers", "class_name": "Dense", "config": {"units": -1}}, "units"),
        ({"module": "keras.layers", "class_name": ["Dense"]}, "without a name"),
        ({"module": 3, "class_name": "Dense"}, "without a name"),
        ({"module": "keras.layers", "class_name": "Nonsense"}, "Nonsense"),
        ({"module": None, "class_name": "Nonsense"}, "Nonsense"),
    ],
)
def test_a_configuration_that_names_more_than_models_need_is_refused(spoiled, record, why):
    assert why in refusal(spoiled(with_layer(**record)))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no JSON"),
        ("[]", "no JSON object, but a list"),
        ("null", "no JSON object, but a NoneType"),
        ("{}", ""),
        ('{"a": ' * 900 + "1" + "}" * 900, "nested deeper than 64"),
        ("[" * 100_000, "nested deeper than 64"),
        (json.dumps({"module": "keras.layers", "class_name": "ReLU", "config": {}}), "no model"),
        (json.dumps({"module": "keras", "class_name": "Sequential", "config": None}), ""),
        ("9" * 5000, "no JSON"),
    ],
)
def test_a_configuration_of_no_model_is_refused(spoiled, text, why):
    assert why in refusal(spoiled(lambda config: text))


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "assets/../../evil", "assets\\..\\evil"])
def test_a_member_that_leads_out_of_the_archive_is_refused(spoiled, name):
    assert "leads out of the archive" in refusal(spoiled(members=[(name, b"x")]))


def test_what_would_expand_a_hundred_times_is_refused(spoiled):
    assert "would expand" in refusal(spoiled(members=[("assets/zeros", bytes(70 * 2**20))]))
    assert "larger than 32 MiB" in refusal(spoiled(lambda config: " " * (33 * 2**20)))


def nothing(path, whole):
    path.write_bytes(b"")


def text(path, whole):
    path.write_text("hello\n\x1b[31m")


def hdf5_named_keras(path, whole):
    path.write_bytes((whole / "model.h5").read_bytes())


def half(path, whole):
    content = (whole / "model.keras").read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty_archive(path, whole):
    zipfile.ZipFile(path, "w").close()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (nothing, "it is empty"),
        (text, "neither a Keras archive nor an HDF5 file: it begins with b'hello"),
        (hdf5_named_keras, "it is an HDF5 file named .keras. Rename it to end in .h5."),
        (half, "damaged"),
        (empty_archive, "no config.json"),
    ],
)
def test_a_file_that_is_no_archive_is_refused(tmp_path, whole, make, why):
    make(tmp_path / "model.keras", whole)

    assert why in refusal(tmp_path / "model.keras")


def test_an_archive_named_h5_is_refused(tmp_path, whole):
    (tmp_path / "model.h5").write_bytes((whole / "model.keras").read_bytes())

    assert "it is a Keras archive named .h5. Rename it to end in .keras." in refusal(tmp_path / "model.h5")


def test_a_damaged_hdf5_file_is_refused(tmp_path, whole):
    content = (whole / "model.h5").read_bytes()
    (tmp_path / "model.h5").write_bytes(content[: len(content) // 2])

    assert "damaged" in refusal(tmp_path / "model.h5")


def test_weights_without_a_model_are_refused(tmp_path):
    small().save_weights(tmp_path / "model.weights.h5")
    os.rename(tmp_path / "model.weights.h5", tmp_path / "model.h5")

    assert "model.save(...)" in refusal(tmp_path / "model.h5")


def test_a_hostile_hdf5_configuration_is_refused(tmp_path, whole):
    path = tmp_path / "model.h5"
    path.write_bytes((whole / "model.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps(with_layer(module="os", class_name="system")(config))

    assert "it needs os.system" in refusal(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, value):
    model = small()
    model.layers[-1].bias.assign([0, value, 0])
    model.save(tmp_path / "model.keras")

    assert "its weights 'dense" in refusal(tmp_path / "model.keras")


def test_a_place_that_is_no_file_is_refused_at_once(tmp_path, whole):
    os.mkfifo(tmp_path / "pipe.keras")
    (tmp_path / "link.keras").symlink_to(whole / "model.keras")

    assert "No such file" in refusal(tmp_path / "missing.keras")
    assert "not a regular file" in refusal(tmp_path / "pipe.keras")
    assert "a symbolic link" in refusal(tmp_path / "link.keras")
    assert "a folder" in refusal(tmp_path)
    assert "null" in refusal("nul\0.keras")


@pytest.mark.parametrize("path", ["http://host/m.keras", "hf://owner/model", "gs://bucket/m.keras"])
def test_an_address_is_refused(path):
    assert "it is an address" in refusal(path)


def test_a_name_cannot_break_the_line(tmp_path):
    (tmp_path / "a\nb\x1b[31m.keras").write_bytes(b"x")

    assert "a\\nb\\x1b" in refusal(tmp_path / "a\nb\x1b[31m.keras")


def test_the_settings_of_keras_stay_as_they_were(spoiled, whole):
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_image_data_format("channels_first")
    keras.config.disable_traceback_filtering()
    try:
        load(whole / "model.keras")
        refusal(spoiled(with_layer(class_name="Nonsense")))

        assert keras.config.floatx() == "float64"
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        assert keras.config.image_data_format() == "channels_first"
        assert not keras.config.is_traceback_filtering_enabled()
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
        keras.config.set_image_data_format("channels_last")
        keras.config.enable_traceback_filtering()
