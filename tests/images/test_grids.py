"""A grid shows every picture in its place, and leaves no trace in the program."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from xaikit.errors import InputError, OutputError, ParameterError
from xaikit.images import picture_card, shown, visualize

BATCH = np.random.default_rng(0).random((10, 8, 6, 3))
HEAT = np.linspace(0, 1, 48, dtype=np.float32).reshape(8, 6)


def pictures(figure):
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


def columns(figure):
    return len({round(axes.get_position().x0, 4) for axes in figure.axes})


def boxes(figure):
    """Where each text and picture is, in pixels: left, bottom, right, top."""
    figure.draw_without_rendering()
    texts = [text for text in (*figure.texts, *(axes.title for axes in figure.axes)) if text.get_text()]
    return [text.get_window_extent().extents for text in texts]


def test_a_batch_is_shown_in_at_most_eight_columns():
    assert columns(visualize(BATCH)) == 8
    assert columns(visualize(BATCH, cols=3)) == 3
    assert columns(visualize(BATCH[:2])) == 2


def test_a_batch_a_list_and_one_image_show_the_same():
    for images in (BATCH[:1], [BATCH[0]], BATCH[0]):
        np.testing.assert_array_equal(pictures(visualize(images))[0], np.rint(255 * BATCH[0]))


def test_none_leaves_its_place_empty():
    figure = visualize([BATCH[0], None, BATCH[1]], ["a", None, "c"], [None, None, HEAT])

    assert len(pictures(figure)) == 2
    assert columns(figure) == 4  # the fourth is the colour bar's


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1)])
def test_an_image_without_colours_is_grey(shape):
    (picture,) = pictures(visualize(np.full(shape, 0.2)))

    np.testing.assert_array_equal(picture, np.full((5, 7, 3), 51))


def test_another_range_is_stretched_and_never_wraps():
    np.testing.assert_array_equal(shown([[-1.0, 0.0, 1.0]])[0, :, 0], [0, 128, 255])
    np.testing.assert_array_equal(shown(np.array([[0, 500, 1000]]))[0, :, 0], [0, 128, 255])
    np.testing.assert_array_equal(shown(np.full((1, 3), -7.0))[0, :, 0], [0, 0, 0])
    np.testing.assert_array_equal(shown(np.array([[-3e38, 3e38]], np.float32))[0, :, 0], [0, 255])


def test_whole_numbers_of_eight_bits_are_shown_as_they_are():
    np.testing.assert_array_equal(shown(np.array([[1, 2, 3]], np.uint8))[0, :, 0], [1, 2, 3])


def test_a_fourth_channel_is_opacity_over_white():
    image = np.array([[[255, 0, 0, 0], [255, 0, 0, 255]]], np.uint8)

    np.testing.assert_array_equal(shown(image), [[[255, 255, 255], [255, 0, 0]]])


def test_heat_changes_the_pictures_that_have_some():
    plain, hot = pictures(visualize(BATCH[:2], overlays=[None, HEAT]))

    np.testing.assert_array_equal(plain, shown(BATCH[0]))
    assert (hot != shown(BATCH[1])).any()


@pytest.mark.parametrize("heats", [np.stack([HEAT, HEAT]), np.stack([HEAT, HEAT])[..., None], [HEAT, HEAT]])
def test_heat_comes_as_a_batch_or_a_list(heats):
    assert len(pictures(visualize(BATCH[:2], overlays=heats))) == 2


@pytest.mark.parametrize("heat", [HEAT, HEAT[..., None], HEAT[None]])
def test_one_image_takes_one_heat(heat):
    assert (pictures(visualize(BATCH[0], overlays=heat))[0] != shown(BATCH[0])).any()


def test_one_negative_value_makes_the_whole_grid_signed():
    figure = visualize(BATCH[:2], overlays=[HEAT, -HEAT])

    assert [label.get_text() for label in figure.axes[-1].get_yticklabels()] == ["against", "none", "for"]


def test_no_word_is_cut_off_or_runs_into_another():
    long = "smooth(tta(normalize(positive(gradcam))), repetitions=50) " * 5
    figure = visualize(
        BATCH[:4],
        [long, "b", None, "A_Class_Of_Many_Words" * 9],
        [HEAT] * 4,
        row_titles=[long, "c"],
        column_titles=[long, "d"],
        heading=long,
    )
    width, height = figure.get_size_inches() * figure.dpi

    found = boxes(figure)

    assert all(left >= 0 and bottom >= 0 and right <= width and top <= height for left, bottom, right, top in found)
    for i, (left, bottom, right, top) in enumerate(found):
        for others_left, others_bottom, others_right, others_top in found[i + 1 :]:
            apart = left >= others_right or others_left >= right or bottom >= others_top or others_bottom >= top
            assert apart


def test_pictures_keep_their_shape():
    figure = visualize([np.zeros((10, 40)), np.zeros((90, 30)), np.zeros((20, 20))])
    inches = figure.get_size_inches()

    shapes = [axes.get_position().size * inches for axes in figure.axes]

    np.testing.assert_allclose([width / height for width, height in shapes], [4, 1 / 3, 1])


@pytest.mark.parametrize("title", ["$x$", "$\\frac{", "a\x1b[31m\0b", "日本", "\ud800", "%s {x} \\n", "", "_a_^b"])
def test_a_title_is_text_whatever_it_says(title):
    visualize(BATCH[:1], [title], row_titles=[title], column_titles=[title], heading=title, to=io.BytesIO())


def test_a_notebook_shows_the_figure_by_itself():
    assert visualize(BATCH[:1])._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize(("ending", "start"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".SVG", b"<?xml")])
def test_the_ending_says_what_is_written_and_nothing_else_is_left(tmp_path, ending, start):
    visualize(BATCH[:1], to=tmp_path / f"x{ending}")

    assert [path.name for path in tmp_path.iterdir()] == [f"x{ending}"]
    assert (tmp_path / f"x{ending}").read_bytes().startswith(start)


def test_the_same_grid_is_the_same_file():
    first, second = io.BytesIO(), io.BytesIO()
    for buffer in (first, second):
        picture_card(BATCH[0], HEAT, "cat", to=buffer)

    assert first.getvalue() == second.getvalue()


def test_a_card_shows_the_picture_beside_its_heat():
    plain, hot = pictures(picture_card(BATCH[0], HEAT, "cat"))

    np.testing.assert_array_equal(plain, shown(BATCH[0]))
    assert (hot != plain).any()


def test_a_place_that_cannot_be_written_is_refused_and_nothing_is_lost(tmp_path):
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "folder.png").mkdir()
    closed = io.BytesIO()
    closed.close()

    for to in (tmp_path / "file" / "x.png", tmp_path / "missing" / "x.png", tmp_path / "folder.png", closed):
        with pytest.raises(OutputError, match="cannot write"):
            visualize(BATCH[:1], to=to)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.parametrize(
    ("call", "error", "why"),
    [
        ({"images": []}, InputError, "no images"),
        ({"images": np.zeros(5)}, InputError, r"\[N, H, W, C\]"),
        ({"images": np.zeros((2, 5, 5))}, InputError, r"\[N, H, W, C\]"),
        ({"images": [np.zeros((5, 5, 2))]}, InputError, r"\[H, W, 3\]"),
        ({"images": [[[np.nan]]]}, InputError, "finite"),
        ({"images": [[["a"]]]}, InputError, "real numbers"),
        ({"titles": ["a"]}, ParameterError, "titles must be one for each image: there are 10 images and 1 titles"),
        ({"overlays": [HEAT]}, ParameterError, "overlays must be one for each"),
        ({"cols": 0}, ParameterError, "cols must be at least 1, not 0"),
        ({"row_titles": ["a"]}, ParameterError, "row_titles must be 2"),
        ({"cols": 4, "column_titles": ["a"]}, ParameterError, "column_titles must be 4"),
        ({"size": 0}, ParameterError, "size"),
        ({"alpha": 2}, ParameterError, "alpha"),
        ({"to": "x.gif"}, ParameterError, "not in '.gif'"),
    ],
)
def test_what_cannot_be_shown_is_refused(call, error, why):
    with pytest.raises(error, match=why):
        visualize(**{"images": BATCH} | call)


def test_a_written_picture_has_the_pixels_of_its_inches():
    buffer = io.BytesIO()

    figure = visualize(BATCH[:2], ["a", "b"], size=2, to=buffer)

    np.testing.assert_allclose(Image.open(buffer).size, figure.get_size_inches() * 150, atol=1)


def test_importing_pictures_imports_no_matplotlib_and_drawing_no_pyplot():
    code = (
        "import sys, io, numpy, xaikit.images as images; assert 'matplotlib' not in sys.modules;"
        "images.visualize(numpy.zeros((4, 4)), 'a', numpy.zeros((4, 4)), to=io.BytesIO());"
        "assert not {'matplotlib.pyplot', 'tensorflow', 'keras'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
