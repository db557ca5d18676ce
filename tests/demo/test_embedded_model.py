import re

import keras
import pytest

from xaikit.demo import CLASSES, model_path, shapes

CARD = model_path().with_name("CARD.md")


def test_the_embedded_model_names_held_out_shapes() -> None:
    pictures = shapes(300)
    scores = keras.saving.load_model(model_path()).predict(pictures.images, batch_size=100, verbose=0)
    assert scores.shape == (300, len(CLASSES))
    assert (scores.argmax(axis=1) == pictures.labels).mean() >= 0.97


def test_the_embedded_model_is_small() -> None:
    assert model_path().stat().st_size < 1_000_000


def test_the_embedded_model_nests_a_backbone_and_takes_pictures_of_any_size() -> None:
    model = keras.saving.load_model(model_path())
    assert model.input_shape == (None, None, None, 3)
    assert getattr(model, "optimizer", None) is None
    assert model.get_layer("backbone").layers[-1].name == "block6_relu"


@pytest.mark.parametrize("side", [48, 64, 96])
def test_the_card_states_the_accuracy_at_each_side(side: int) -> None:
    row = re.search(rf"^\| {side} \| \d+ \| ([\d.]+)% \|$", CARD.read_text(encoding="utf-8"), re.MULTILINE)
    assert row is not None
    assert float(row[1]) >= 97
