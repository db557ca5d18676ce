"""The pages on metrics: every metric can be chosen, and the scorecard has every method."""

import re
from pathlib import Path

import pytest

from xaikit.registry import registry

DOCS = Path(__file__).parents[2] / "docs"


def names(kind):
    return [entry.name for entry in registry().catalogue.values() if entry.kind == kind and entry.origin == "xaikit"]


@pytest.mark.parametrize("name", names("metric"))
def test_every_metric_has_a_row_to_choose_it_by(name):
    rows = (DOCS / "how-to" / "choose-a-metric.md").read_text(encoding="utf-8")
    found = re.findall(rf"^\| `{name}` \|(.*)\|$", rows, re.MULTILINE)

    assert len(found) == 1
    assert registry().entry(name).value.declaration.better in found[0]
    assert len(found[0].split(" | ")) == 5


def test_the_scorecard_has_every_method_and_says_how_it_was_made():
    page = (DOCS / "explanation" / "scorecard.md").read_text(encoding="utf-8")

    assert [name for name in names("method") if not re.search(rf"^\| `{name}\b", page, re.MULTILINE)] == []
    assert "python docs/scorecard.py" in page
    for suite in ("shapes", "grid", "closed-form", "digits"):
        assert f"## {suite}" in page
