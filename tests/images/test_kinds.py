"""Series, tables, words and volumes: each drawing shows every value in its place, and says what it leaves out."""

import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator

from xaikit import visualize
from xaikit.errors import InputError, ParameterError
from xaikit.images import draw_series, draw_table, draw_tokens, draw_volumes, shown, tokens_html, tokens_text
from xaikit.images.scales import AGAINST, FOR, line_colours, paper_colours

RNG = np.random.default_rng(0)
SERIES = RNG.normal(size=(30, 3))
HEAT = RNG.normal(size=(30, 3))
WORDS = ["a", "film", "that", "is", "not", "<b>bad</b>", "&", "long"]
VALUES = np.array([0.0, 0.5, 0.0, 0.1, -1.0, 2.0, 0.0, 0.2])
VOLUME = RNG.random((9, 6, 5))
HOSTILE = ["$x$", "\\frac{", "a\x1b[31m\0b", "日本", "\ud800", "%s {x} \\n", "", "_a_^b", "<script>", "[red]x[/red]"]


def lines(figure):
    return [axes.collections[0] for axes in figure.axes[:-1]]  # the last axes are the colour bar's


def texts(figure):
    """Every word that is drawn, in pixels: (text, left, bottom, right, top)."""
    figure.draw_without_rendering()
    found = [*figure.texts]
    for axes in figure.axes:
        found += [axes.title, *axes.texts]
        found += axes.get_yticklabels() if isinstance(axes.yaxis.get_major_locator(), FixedLocator) else []
    return [(text.get_text(), *text.get_window_extent().extents) for text in found if text.get_text()]


def on_the_page(figure):
    width, height = figure.get_size_inches() * figure.dpi
    return [
        text
        for text, left, low, right, top in texts(figure)
        if min(left, low) < -1 or right > width + 1 or top > height + 1
    ]


# --- series


def test_each_value_of_a_series_has_the_colour_of_its_heat():
    found = lines(draw_series(SERIES, HEAT))
    scaled = HEAT / np.abs(HEAT).max()

    assert len(found) == 3
    for channel, line in enumerate(found):
        np.testing.assert_allclose(line.get_colors(), line_colours(scaled[:, channel], signed=True))
        middle = np.array([piece[1] for piece in line.get_segments()])
        np.testing.assert_allclose(middle, np.stack([np.arange(30), SERIES[:, channel]], axis=1))


def test_pieces_meet_halfway_between_the_values():
    pieces = lines(draw_series(SERIES[:, 0], HEAT[:, 0]))[0].get_segments()

    for before, after in pairwise(pieces):
        np.testing.assert_allclose(before[-1], after[0])
        np.testing.assert_allclose(before[-1], (before[1] + after[1]) / 2)


@pytest.mark.parametrize("heat", [HEAT[:, 0], HEAT[:, :1]])
def test_location_maps_heat_every_channel(heat):
    colours = [line.get_colors() for line in lines(draw_series(SERIES, heat))]

    np.testing.assert_array_equal(colours[0], colours[2])


def test_one_series_a_batch_and_a_list_are_drawn_alike():
    expected = [line.get_colors() for line in lines(draw_series(SERIES, HEAT))]

    for series, heats in ((SERIES[None], HEAT[None]), ([SERIES], [HEAT]), ([SERIES], HEAT[None])):
        np.testing.assert_array_equal([line.get_colors() for line in lines(draw_series(series, heats))], expected)


def test_a_drawing_does_not_depend_on_its_neighbours():
    alone = lines(draw_series([SERIES[:, 0]], [HEAT[:, 0]], signed=True))[0]
    beside = lines(draw_series([SERIES[:, 0], SERIES[:9, 1]], [HEAT[:, 0], 100 * HEAT[:9, 1]], signed=True))[0]
    common = lines(draw_series([SERIES[:, 0], SERIES[:9, 1]], [HEAT[:, 0], HEAT[:9, 1]], limit=9.0))[0]

    np.testing.assert_array_equal(beside.get_colors(), alone.get_colors())
    np.testing.assert_allclose(common.get_colors(), line_colours(HEAT[:, 0] / 9, signed=True))


def test_of_many_channels_the_hottest_are_drawn_and_the_title_says_so():
    series, heat = RNG.normal(size=(5, 12)), np.outer(np.ones(5), [0, 9, 0, 8, -7, 0, 6, 5, 4, 3, 0, 2.0])
    figure = draw_series(series, heat, "cat")

    drawn = [piece.get_segments()[0][1][1] for piece in lines(figure)]
    np.testing.assert_allclose(drawn, series[0, [1, 3, 4, 6, 7, 8, 9, 11]])
    assert "cat\nthe 8 hottest of 12 channels" in [text.get_text() for text in figure.texts]


# --- tables


def bars(figure, place=0):
    axes = figure.axes[place]
    patches = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    return [(label, patch.get_width(), patch.get_facecolor()) for label, patch in zip(labels, patches, strict=True)]


def test_bars_are_sorted_by_size_and_the_rest_is_added_up():
    heat = np.array([0.1, -3.0, 2.0, 0.25, -0.5])
    found = bars(draw_table([[1, 2, "red", 4000.4, 0.12345]], [heat], names=list("abcde"), most=3))

    assert [label for label, _, _ in found] == ["b = 2", "c = red", "e = 0.123", "sum of 2 others"]
    np.testing.assert_allclose([value for _, value, _ in found], [-3, 2, -0.5, 0.35])
    assert sum(value for _, value, _ in found) == pytest.approx(heat.sum())


def test_the_colour_of_a_bar_is_its_sign():
    from matplotlib.colors import to_rgba

    found = bars(draw_table(None, np.array([1.0, -2.0]), names=["x", "y"]))

    assert [(label, colour) for label, _, colour in found] == [("y", to_rgba(AGAINST)), ("x", to_rgba(FOR))]


def test_numbers_are_written_so_that_they_can_be_read():
    found = bars(draw_table([2174.0, 1e-5, True, 12345678.0], np.array([4.0, 3.0, 2.0, 1.0]), names=list("abcd")))

    assert [label for label, _, _ in found] == ["a = 2174", "b = 1e−05", "c = True", "d = 1.23e+07"]


def test_rows_are_scaled_by_themselves_or_by_a_common_limit():
    own = draw_table(None, [np.array([1.0, 2.0]), np.array([10.0, 20.0])])
    common = draw_table(None, [np.array([1.0, 2.0]), np.array([10.0, 20.0])], limit=20)

    assert own.axes[0].get_xlim()[1] == pytest.approx(own.axes[1].get_xlim()[1] / 10)
    assert common.axes[0].get_xlim() == common.axes[1].get_xlim()


def test_a_table_of_zeros_is_drawn():
    assert [value for _, value, _ in bars(draw_table(None, np.zeros(3)))] == [0, 0, 0]


# --- words


def test_each_word_stands_on_its_heat():
    figure = draw_tokens(WORDS, VALUES)
    patches = [patch for patch in figure.artists if isinstance(patch, Rectangle)]

    expected = paper_colours(VALUES / 2, signed=True)
    np.testing.assert_allclose([patch.get_facecolor() for patch in patches], expected)
    drawn = [text.get_text() for text in figure.texts]
    assert drawn == WORDS


def test_lines_are_wrapped_and_words_do_not_run_into_each_other():
    figure = draw_tokens([f"word{i}" * (1 + i % 4) for i in range(40)], np.arange(40.0), size=3)
    found = texts(figure)

    assert not on_the_page(figure)
    assert len({round(low) for _, _, low, _, _ in found[:40]}) > 5
    for i, (_, left, low, right, top) in enumerate(found[:40]):
        for _, others_left, others_low, others_right, others_top in found[i + 1 : 40]:
            assert left >= others_right or others_left >= right or low >= others_top or others_low >= top


class Seen(HTMLParser):
    """What is in a page: tags with their attributes, and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)


def test_html_holds_the_words_and_nothing_that_they_bring():
    seen = Seen(tokens_html([*WORDS, *HOSTILE, '"onclick="'], np.arange(19.0), "<i>title</i>"))

    assert {tag for tag, _ in seen.tags} == {"div", "p", "b", "br", "span"}
    spans = [attributes for tag, attributes in seen.tags if tag == "span"]
    assert len(spans) == 19
    assert all(set(attributes) == {"style", "title"} for attributes in spans)
    text = "".join(seen.words)
    assert all(word in text for word in (*WORDS, "<script>", "<i>title</i>", "\\x1b", "\\ud800"))
    assert "\x1b" not in text
    assert spans[2]["title"] == "+2"


def test_on_a_terminal_words_are_no_markup():
    made = tokens_text(HOSTILE, np.arange(10.0))

    assert "[red]x[/red]" in made.plain
    assert "\x1b" not in made.plain
    assert len(made.spans) == 9  # of the empty word there is nothing to colour
    assert re.fullmatch(r"#[0-9a-f]{6} on #[0-9a-f]{6}", str(made.spans[0].style))


def test_ink_is_read_on_every_background():
    for value in np.linspace(-1, 1, 21):
        span = Seen(tokens_html(["x", "y", "z"], [value, 1, -1])).tags[2][1]["style"]
        background, ink = re.findall(r"#([0-9a-f]{6})", span)

        assert contrast(background, ink) > 4.5


def contrast(first, second):
    """The contrast of two colours by WCAG 2, from 1 to 21."""

    def luminance(text):
        parts = np.array([int(text[i : i + 2], 16) for i in (0, 2, 4)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ np.array([0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


# --- volumes


def slices(figure):
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


def test_slices_are_evenly_spaced_and_have_one_scale_of_greys():
    volume = np.linspace(-5, 5, 9 * 30).reshape(9, 6, 5)
    figure = draw_volumes(volume, slices=3)
    expected = np.rint(255 * (volume[[0, 4, 8]] + 5) / 10)

    np.testing.assert_array_equal(np.array(slices(figure))[..., 0], expected)
    assert [axes.get_title() for axes in figure.axes] == ["slice 0", "slice 4", "slice 8"]


def test_a_first_slice_does_not_set_the_scale_of_the_others():
    volume = np.stack([np.full((4, 4), 0.5), np.full((4, 4), -1.0), np.full((4, 4), 2.0)])

    assert [int(part[0, 0, 0]) for part in slices(draw_volumes(volume))] == [128, 0, 255]


def test_heat_has_one_scale_for_all_slices():
    heat = np.zeros((9, 6, 5))
    heat[4] = 0.1
    heat[8, 0, 0] = 1.0
    plain, weak, hot = slices(draw_volumes(VOLUME, heat, slices=3))

    np.testing.assert_array_equal(plain, shown(VOLUME[0]))
    assert (
        np.abs(weak[0, 0].astype(int) - shown(VOLUME[4])[0, 0]).max()
        < np.abs(hot[0, 0].astype(int) - shown(VOLUME[8])[0, 0]).max()
    )


def test_videos_and_shorter_volumes_are_drawn_too():
    video = (255 * RNG.random((3, 6, 5, 3))).astype("uint8")
    figure = draw_volumes([video, VOLUME], [np.zeros((3, 6, 5)), VOLUME], ["walk", "scan"], slices=5)

    assert len(slices(figure)) == 3 + 5
    np.testing.assert_array_equal(slices(figure)[0], video[0])


# --- all of them

DRAWN = {
    "series": lambda words, **more: draw_series(
        [SERIES] * 2, [HEAT] * 2, words[:2], names=words[:3], heading=words[3], **more
    ),
    "table": lambda words, **more: draw_table(
        [words[:4]] * 2, [np.arange(4.0) - 1] * 2, words[:2], names=words[4:8], heading=words[3], most=2, **more
    ),
    "tokens": lambda words, **more: draw_tokens(
        [words] * 2, [np.arange(len(words))] * 2, words[:2], heading=words[3], **more
    ),
    "volume": lambda words, **more: draw_volumes([VOLUME] * 2, [VOLUME] * 2, words[:2], heading=words[3], **more),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_data_is_text_whatever_it_says_and_the_same_drawing_is_the_same_file(kind):
    first, second = io.BytesIO(), io.BytesIO()
    for buffer in (first, second):
        DRAWN[kind](HOSTILE, to=buffer)

    assert first.getvalue() == second.getvalue()
    assert first.getvalue().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", DRAWN)
def test_no_word_leaves_the_page(kind):
    long = ["smooth(tta(normalize(positive(gradcam)))) " * 6, "A_Class_Of_Many_Words" * 9] * 5

    assert not on_the_page(DRAWN[kind](long))


@pytest.mark.parametrize("kind", DRAWN)
def test_a_notebook_shows_the_figure_by_itself(kind):
    assert DRAWN[kind](list("abcdefghij"))._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("call", "error", "why"),
    [
        (lambda: draw_series(SERIES, HEAT[:5]), InputError, r"the series is \[30, 3\] and its heat \[5, 3\]"),
        (lambda: draw_series(SERIES, HEAT[:, :2]), InputError, r"\[L\], or its shape, \[L, C\]"),
        (lambda: draw_series(np.zeros((2, 3, 4, 5)), HEAT), InputError, r"\[L\] or \[L, C\], not \[3, 4, 5\]"),
        (lambda: draw_series([], []), InputError, "no series to draw"),
        (lambda: draw_series([SERIES] * 2, [HEAT]), ParameterError, "there are 2 series and 1 heats"),
        (lambda: draw_series(SERIES, HEAT * np.nan), InputError, "finite"),
        (lambda: draw_series(SERIES, HEAT, names=["a"]), ParameterError, "3 channels and 1 names"),
        (lambda: draw_series(SERIES, HEAT, limit=0), ParameterError, "limit"),
        (lambda: draw_series(SERIES, HEAT, cols=0), ParameterError, "cols"),
        (lambda: draw_series(SERIES, HEAT, size=0.1), ParameterError, "size"),
        (lambda: draw_table([[1, 2]], [np.ones(3)]), InputError, r"the row is \[2\] and its heat \[3\]"),
        (lambda: draw_table(None, [np.ones((2, 2))]), InputError, r"\[F\], not \[2, 2\]"),
        (lambda: draw_table([[1, 2]] * 2, [np.ones(2)]), ParameterError, "there are 1 rows and 2 rows"),
        (lambda: draw_table(None, np.ones(3), names=["a"]), ParameterError, "3 features and 1 names"),
        (lambda: draw_table(None, np.ones(3), most=0), ParameterError, "most"),
        (lambda: draw_table(None, np.array([np.inf])), InputError, "finite"),
        (lambda: draw_tokens(WORDS, VALUES[:3]), InputError, r"8 words and heat of shape \[3\]"),
        (lambda: draw_tokens([], []), InputError, "no text to draw"),
        (lambda: draw_tokens([WORDS] * 2, [VALUES]), ParameterError, "there are 2 texts and 1 heats"),
        (lambda: draw_tokens(WORDS, VALUES / 0), InputError, "finite"),
        (lambda: tokens_html(WORDS, VALUES, limit=-1), ParameterError, "limit"),
        (lambda: draw_volumes(VOLUME, VOLUME[1:]), InputError, r"the volume is \[9, 6, 5\] and its heat \[8, 6, 5\]"),
        (lambda: draw_volumes(np.zeros((2, 3, 4, 2))), InputError, r"\[D, H, W\] or \[D, H, W, C\]"),
        (lambda: draw_volumes(VOLUME, slices=0), ParameterError, "slices"),
        (lambda: draw_volumes(VOLUME * np.nan), InputError, "finite"),
        (lambda: draw_volumes(VOLUME, to="x.gif"), ParameterError, "not in '.gif'"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_cannot_be_drawn_is_refused(call, error, why):
    with pytest.raises(error, match=why):
        call()


def test_drawing_imports_neither_pyplot_nor_tensorflow():
    code = (
        "import sys, numpy as n, xaikit.images as i; assert 'matplotlib' not in sys.modules;"
        "i.draw_series(n.zeros(4), n.zeros(4)); i.draw_table(None, n.ones(4)); i.draw_tokens(['a'], [1.0]);"
        "i.draw_volumes(n.zeros((2, 4, 4))); i.tokens_html(['a'], [1.0]);"
        "assert not {'matplotlib.pyplot', 'tensorflow', 'keras'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


DRAWINGS = {
    "series": (draw_series, SERIES, HEAT),
    "table": (draw_table, VALUES, VALUES),
    "tokens": (draw_tokens, WORDS, VALUES),
    "volumes": (draw_volumes, VOLUME, VOLUME),
}


@pytest.mark.parametrize("kind", DRAWINGS)
def test_visualize_draws_each_kind_of_data_as_its_own_drawing_does(kind):
    draw, data, heats = DRAWINGS[kind]
    expected, actual = io.BytesIO(), io.BytesIO()

    draw(data, heats, "a title", heading="a heading", to=expected)
    visualize(data, "a title", heats, kind=kind, heading="a heading", to=actual)

    assert actual.getvalue() == expected.getvalue()


def test_visualize_refuses_what_goes_with_pictures_alone():
    with pytest.raises(ParameterError, match="are for pictures"):
        visualize(SERIES, None, HEAT, kind="series", cols=2)
    with pytest.raises(ParameterError, match="'tokens', 'volumes', not 'films'"):
        visualize(SERIES, None, HEAT, kind="films")
    with pytest.raises(InputError, match="nothing to show of table"):
        visualize(VALUES, kind="table")
