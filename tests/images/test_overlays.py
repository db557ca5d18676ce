"""Heat is seen where it is, and the picture where it is not."""

import numpy as np
import pytest

from xaikit.errors import InputError
from xaikit.images import colour, overlay

PICTURE = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
RISING = np.linspace(0, 1, 12 * 16, dtype=np.float32).reshape(12, 16)


def test_positive_heat_becomes_brighter_with_its_value():
    brightness = colour(RISING).mean(axis=-1).ravel()

    assert (np.diff(brightness) > -0.01).all()
    assert brightness[-1] > brightness[0] + 0.5


def test_signed_heat_is_neutral_at_zero_and_red_for_and_blue_against():
    against, neither, favour = colour(np.array([[-1, 0, 1]]), signed=True)[0]

    assert np.ptp(neither) < 0.02
    assert favour[0] > favour[2]
    assert against[2] > against[0]


def test_colours_are_floats_from_0_to_1():
    colours = colour(RISING[..., None], map="viridis")

    assert colours.shape == (12, 16, 3)
    assert colours.dtype == np.float32
    assert 0 <= colours.min() <= colours.max() <= 1


@pytest.mark.parametrize("signed", [None, True, False])
def test_where_there_is_no_heat_the_picture_is_as_it_was(signed):
    np.testing.assert_array_equal(overlay(PICTURE, np.zeros((12, 16)), signed=signed), PICTURE)


@pytest.mark.parametrize("sign", [1, -1])
def test_more_heat_covers_more_and_half_of_it_covers_alpha(sign):
    heat = sign * np.array([[0, 0.1, 0.3, 0.5, 1]])

    black, white = (overlay(np.full((1, 5, 3), value, np.uint8), heat, alpha=0.4) for value in (0, 255))
    seen = (white.astype(int) - black)[0, :, 0] / 255

    assert (np.diff(seen) < 0).all()
    np.testing.assert_allclose(seen[[0, 3]], [1, 0.6], atol=0.01)


def test_the_hottest_place_still_shows_the_picture():
    hot = overlay(PICTURE, np.ones((12, 16)))

    assert hot.std(axis=(0, 1)).min() > 5


def test_negative_heat_makes_an_overlay_signed_unless_told():
    heat = np.where(RISING > 0.5, 1, -1)

    np.testing.assert_array_equal(overlay(PICTURE, heat), overlay(PICTURE, heat, signed=True))
    np.testing.assert_array_equal(overlay(PICTURE, heat, signed=False), overlay(PICTURE, heat.clip(0)))


def test_heat_of_another_resolution_is_laid_over_the_whole_picture():
    heat = np.array([[0, 1], [0, 1]], np.float32)

    covered = (overlay(PICTURE, heat) != PICTURE).any(axis=-1)

    assert covered.shape == (12, 16)
    assert not covered[:, :3].any()
    assert covered[:, 8:].all()


@pytest.mark.parametrize("value", [0, 0.3, 1, -1])
def test_a_constant_map_does_no_harm(value):
    laid = overlay(PICTURE, np.full((3, 3), value))

    assert laid.shape == PICTURE.shape
    assert laid.dtype == np.uint8


def test_what_arithmetic_leaves_beyond_one_does_no_harm():
    np.testing.assert_array_equal(colour([[1.0001]]), colour([[1.0]]))


@pytest.mark.parametrize(
    ("heat", "why"),
    [
        ([[np.nan]], "finite"),
        ([[np.inf]], "finite"),
        ([[3.7]], "reaches 3.7"),
        ([0.5], r"\[H, W\]"),
        (np.zeros((2, 2, 3)), r"\[H, W\]"),
        (np.zeros((0, 2)), r"\[H, W\]"),
        ([["a"]], "real numbers"),
        ([[1j]], "real numbers"),
    ],
)
def test_heat_that_cannot_be_shown_is_refused(heat, why):
    with pytest.raises(InputError, match=why):
        overlay(PICTURE, heat)
