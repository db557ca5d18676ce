"""The docs are programs: their Python runs, their links lead somewhere, and the reference is what the code declares."""

import importlib.util
import re
from pathlib import Path

import pytest

from xaikit import find

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(?P<skip><!-- not run -->\n)?^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


def named(page):
    return page.relative_to(ROOT).as_posix()


def blocks(page):
    """The blocks of a page that are run, each at its own lines, so that a traceback points into the page."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        if not match["skip"]:
            yield "\n" * text.count("\n", 0, match.start("code")) + match["code"]


def anchors(page):
    """The names by which a page's headings are linked."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page))], ids=named)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": page.stem}

    for block in blocks(page):
        exec(compile(block, page, "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_links_of_a_page_lead_somewhere(page):
    broken = []
    for link, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / link).resolve() if link else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{link}#{anchor}" if anchor else link)

    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_expressions_on_a_page_s_command_lines_are_read(page):
    commands = re.findall(r"^(?:\$ )?xaikit explain (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    expressions = [re.match(r'"([^"]+)"|(\S+)', command) for command in commands]

    for expression in expressions:
        assert find(expression[1] or expression[2])


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "text"), generator().pages().items(), ids=lambda value: value[:20].strip("# \n"))
def test_the_reference_is_what_the_code_declares(name, text):
    committed = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")

    assert committed == text, "run python docs/generate.py"
