"""An explanation draws itself, as it is right for its kind of data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import grids
from tests.oracles.weights import settled
from xaikit import explain, gradcam, gradients, heatmap, occlusion, quantiles, visualize
from xaikit.errors import InputError, ParameterError, UsageError
from xaikit.images import draw_series, draw_table, draw_tokens, draw_volumes
from xaikit.images.saving import rendered

PNG = b"\x89PNG"


def titled(explained, count, labels=()):
    targets, scores = explained.targets[:count, 0], explained.scores[:count, 0]
    names = [labels[t] if t < len(labels) else f"class {t}" for t in targets]
    return [f"{name}: {score:.3g}" for name, score in zip(names, scores, strict=True)]


def alike(first, second):
    """Whether two figures are the same picture."""
    return rendered(first) == rendered(second)


@pytest.fixture(scope="module")
def reader():
    """Three classes of texts of five tokens."""
    words = keras.Input((5,), dtype="int32")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(9, 3)(words))
    return settled(keras.Model(words, keras.layers.Dense(3, activation="softmax")(embedded), name="reader"))


TOKENS = np.array([[1, 2, 3, 4, 0], [8, 8, 1, 0, 0]])
VOCABULARY = ["", "the", "<b>", "cat", "sat", "on", "a", "mat", "&"]


def test_pictures_have_their_heat_over_them(pooled, images):
    explained = explain(gradcam, pooled, images)
    heats = explain(heatmap(gradcam), pooled, images).maps[..., 0]

    expected = visualize(list(images[:3]), titled(explained, 3, ["a", "b"]), list(heats[:3]))

    assert alike(explained.plot(most=3, labels=["a", "b"]), expected)


def test_a_heatmap_is_drawn_as_it_is(pooled, images):
    explained = explain(heatmap(gradients, show="signed"), pooled, images)

    assert alike(explained.plot(), visualize(list(images), titled(explained, 5), list(explained.maps[..., 0])))


@pytest.mark.parametrize("show", ["auto", "for", "size", "signed"])
@pytest.mark.parametrize("explainer", [gradcam, gradients], ids=str)
def test_series_are_lines_with_their_own_heat(explainer, show, series, waves):
    explained = explain(explainer, series, waves)
    raw = explained.maps[..., 0]
    raw = grids.each(explained.maps, (9,))[..., 0] if explainer is gradcam else raw
    size = show == "size" or (show == "auto" and explainer is gradients)
    values = np.abs(raw) if size else raw if show == "signed" else np.maximum(raw, 0)

    expected = draw_series(list(waves), list(values), titled(explained, 3), names=["x", "y"], signed=show == "signed")

    assert alike(explained.plot(show=show, names=["x", "y"]), expected)


def test_tables_are_bars_with_the_features_values(table, rows):
    explained = explain(gradients, table, rows, [[0, 2]] * 4)

    assert alike(
        explained.plot(target=1, most=2, names=list("abcde"), labels=["no", "yes", "perhaps"]),
        draw_table(
            list(rows[:2]),
            list(explained.maps[:2, :, 1]),
            [f"perhaps: {score:.3g}" for score in explained.scores[:2, 1]],
            names=list("abcde"),
        ),
    )
    assert alike(
        explained.plot(show="size"),
        draw_table(list(rows), list(np.abs(explained.maps[..., 0])), titled(explained, 4)),
    )


def test_tokens_are_words_of_the_vocabulary_or_those_given(reader):
    explained = explain(occlusion, reader, TOKENS)
    given = [[VOCABULARY[i] for i in text] for text in TOKENS]
    expected = draw_tokens(given, list(explained.maps[..., 0]), titled(explained, 2))

    assert alike(explained.plot(words=VOCABULARY), expected)
    assert alike(explained.plot(words=given), expected)
    numbers = draw_tokens([list(map(str, text)) for text in TOKENS], list(explained.maps[..., 0]), titled(explained, 2))
    assert alike(explained.plot(), numbers)


def test_volumes_are_rows_of_slices(volumes, blocks):
    explained = explain(gradcam, volumes, blocks)
    heats = explain(heatmap(gradcam), volumes, blocks).maps[..., 0]

    assert alike(explained.plot(), draw_volumes(list(blocks), list(heats), titled(explained, 2)))


def test_the_layout_of_the_inputs_does_not_change_the_drawing(pooled, images):
    expected = explain(gradients, pooled, images, 1).plot()
    inputs = keras.Input((3, 8, 8))
    first = keras.Model(inputs, pooled(keras.layers.Permute((2, 3, 1))(inputs)))
    turned = np.moveaxis(images, -1, 1)

    actual = explain(gradients, first, turned, 1, channels="first").plot()

    assert alike(actual, expected)


@pytest.mark.parametrize("explainer", [gradients, gradcam], ids=str)
def test_series_without_channels_are_drawn_as_those_with_one(explainer):
    inputs = keras.Input((9, 1))
    hidden = keras.layers.Conv1D(4, 3, activation="relu")(inputs)
    last = settled(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(hidden))))
    bare = keras.Input((9,))
    none = keras.Model(bare, last(keras.layers.Reshape((9, 1))(bare)))
    waves = np.random.default_rng(0).normal(size=(2, 9, 1)).astype("float32")

    actual = explain(explainer, none, waves[..., 0], 1, channels="none")

    assert actual.maps.shape[0] == 2
    assert actual.maps.ndim == 3
    assert alike(actual.plot(), explain(explainer, last, waves, 1).plot())


def test_in_a_notebook_every_kind_shows_itself(series, waves, table, rows, volumes, blocks, reader):
    shown = [explain(gradients, series, waves), explain(gradients, table, rows), explain(gradients, volumes, blocks)]
    text = explain(occlusion, reader, TOKENS)

    assert all(each._repr_png_().startswith(PNG) for each in (*shown, text))
    assert all(each._repr_html_() is None for each in shown)
    assert "<span" in text._repr_html_()


def test_tensors_are_at_hand_and_datasets_can_be_given(table, rows, tmp_path):
    expected = explain(gradients, table, rows, 1).plot()
    batches = explain(gradients, table, tf.data.Dataset.from_tensor_slices(rows).batch(4), 1)

    assert alike(explain(gradients, table, tf.constant(rows), 1).plot(), expected)
    assert batches._repr_png_() is None
    assert batches._repr_html_() is None
    with pytest.raises(UsageError, match=r"not at hand.*give plot\(inputs=\.\.\.\)"):
        batches.plot()
    assert alike(batches.plot(inputs=rows, to=tmp_path / "rows.png"), expected)
    assert (tmp_path / "rows.png").read_bytes().startswith(PNG)


def test_several_inputs_and_several_maps_are_not_drawn_at_once(table, rows):
    inputs = [keras.Input((5,)), keras.Input((2,))]
    both = settled(keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Concatenate()(inputs))))
    several = explain(gradients, both, [rows, rows[:, :2]])
    spread = quantiles(gradients, table, rows, repetitions=2)

    for explained in (several, spread):
        assert explained._repr_png_() is None
        assert explained._repr_html_() is None
        with pytest.raises(UsageError, match="draw each with visualize"):
            explained.plot()


@pytest.mark.parametrize(
    ("call", "error", "why"),
    [
        ({"target": 1}, ParameterError, "target must be from 0 to 0"),
        ({"target": -1}, ParameterError, "target must be from 0 to 0"),
        ({"most": 0}, ParameterError, "most must be at least 1"),
        ({"show": "all"}, ParameterError, "show must be auto, for, size, signed"),
        ({"names": ["a"]}, ParameterError, "5 features and 1 names"),
        ({"inputs": np.zeros((4, 5, 1))}, InputError, "must have 2 axes"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, error, why, table, rows):
    with pytest.raises(error, match=why):
        explain(gradients, table, rows).plot(**call)


def test_words_that_are_missing_are_refused(reader):
    explained = explain(occlusion, reader, TOKENS)

    with pytest.raises(ParameterError, match="words has 3 entries, and none for token 8"):
        explained.plot(words=["a", "b", "c"])
    with pytest.raises(ParameterError, match="there are 2 and 1 words"):
        explained.plot(words=[["a"] * 5])
