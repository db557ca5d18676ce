"""The pages on the families of methods: every method is on one, and every picture is one that the command makes."""

import importlib.util
import re
from pathlib import Path

import pytest

from tests.strategies import entries
from xaikit import find

DOCS = Path(__file__).parents[2] / "docs"
FAMILIES = sorted((DOCS / "explanation" / "families").glob("*.md"))


def pictures():
    spec = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FAMILIES


@pytest.mark.parametrize("kind", ["method", "transformer"])
def test_every_explainer_is_on_the_page_of_its_family_and_in_the_table_to_choose_from(kind):
    text = "".join(page.read_text(encoding="utf-8") for page in FAMILIES)
    table = (DOCS / "how-to" / "choose-a-method.md").read_text(encoding="utf-8")
    names = [entry.name for entry in entries(kind)]

    assert [name for name in names if not re.search(rf"`[^`]*\b{name}\b", text)] == []
    if kind == "method":
        assert [name for name in names if not re.search(rf"`[^`]*\b{name}\b", table)] == []


@pytest.mark.parametrize("name", pictures())
def test_every_picture_is_there_on_a_page_and_of_expressions_that_are_read(name):
    assert (DOCS / "pictures" / f"{name}.jpg").exists(), "run python docs/pictures.py"
    assert any(f"pictures/{name}.jpg" in page.read_text(encoding="utf-8") for page in FAMILIES)
    for expression in pictures()[name]:
        assert find(expression)


def test_every_picture_of_the_pages_is_one_that_the_command_makes():
    shown = {name for page in FAMILIES for name in re.findall(r"pictures/([\w-]+)\.jpg", page.read_text("utf-8"))}

    assert shown == set(pictures())
