"""Values become heat, and heat colours, in one way for every kind of drawing."""

import numpy as np
import pytest

from xaikit.errors import InputError, ParameterError
from xaikit.images.scales import check_limit, finite, line_colours, paper_colours, to_heat


@pytest.mark.parametrize(
    ("values", "signed", "expected"),
    [
        ([0, -1, 2, -4], True, [0, -0.25, 0.5, -1]),
        ([0, -1, 2, -4], False, [0, 0, 1, 0]),
        ([1, 2, 3], False, [0, 0.5, 1]),
        ([-1.6e308, 0, 0.8e308], True, [-1, 0, 0.5]),
        ([0.8e308, 0, 1.6e308], False, [0.5, 0, 1]),
        ([1e-320, 0], False, [1, 0]),
    ],
)
def test_zero_stays_zero_if_signed_and_else_heat_goes_from_the_smallest_to_the_largest(values, signed, expected):
    np.testing.assert_allclose(to_heat(np.array(values, float), signed=signed), expected, rtol=1e-3)


@pytest.mark.parametrize("value", [0.0, 3.0, -2.0, 1e308])
@pytest.mark.parametrize("signed", [False, True])
def test_a_constant_map_has_no_heat(value, signed):
    assert (to_heat(np.full((2, 3), value), signed=signed) == 0).all()


def test_a_limit_makes_maps_comparable():
    np.testing.assert_allclose(to_heat(np.array([1.0, -2.0, 9.0]), signed=True, limit=4.0), [0.25, -0.5, 1])
    np.testing.assert_allclose(to_heat(np.array([2.0, 2.0]), signed=False, limit=4.0), [0.5, 0.5])
    for limit in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ParameterError, match="limit must be a number above 0"):
            check_limit(limit)


@pytest.mark.parametrize("colours", [line_colours, paper_colours])
def test_more_heat_is_darker_and_the_two_signs_are_as_far_from_nothing(colours):
    def lightness(rgba):
        return rgba[..., :3] @ np.array([0.2126, 0.7152, 0.0722])

    heat = np.linspace(0, 1, 9)

    assert (np.diff(lightness(colours(heat, signed=False))) < 0.003).all()
    assert (np.diff(lightness(colours(heat, signed=True))) < 0.003).all()
    assert (np.diff(lightness(colours(-heat, signed=True))) < 0.003).all()
    nothing = colours(0.0, signed=True)[:3]
    assert np.ptp(nothing) < 0.02  # a neutral grey, or white
    pro, con = colours(1.0, signed=True), colours(-1.0, signed=True)
    assert pro[0] > con[0]
    assert con[2] > pro[2]


@pytest.mark.parametrize(
    ("values", "why"), [([1, np.nan], "finite"), ([np.inf], "finite"), (["a"], "real numbers"), ([], "no values")]
)
def test_what_is_no_finite_number_is_refused(values, why):
    with pytest.raises(InputError, match=why):
        finite(values, "The heat")
