"""Docstrings in parts."""

import pytest

from xaikit.core.docstrings import parse


def test_a_docstring_comes_apart():
    docstring = parse(
        """Do a thing.

        More of it,
        in two lines.

        Maps: as they were.
        Cost: none.

        Args:
            first: One line.
            second: Two lines, the second of which
                is indented.

        Source:
            Somebody, 2020.
        """
    )

    assert docstring.summary == "Do a thing."
    assert docstring.prose == "More of it, in two lines."
    assert docstring.sections == {"Maps": "as they were.", "Cost": "none.", "Source": "Somebody, 2020."}
    assert docstring.arguments == {"first": "One line.", "second": "Two lines, the second of which is indented."}


@pytest.mark.parametrize("text", [None, "", "   "])
def test_a_missing_docstring_has_empty_parts(text):
    docstring = parse(text)

    assert (docstring.summary, docstring.prose, docstring.arguments) == ("", "", {})
