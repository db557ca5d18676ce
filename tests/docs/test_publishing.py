"""The tutorial on plugins says what the commands print, and what the templates hold."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from xaikit.cli import main
from xaikit.registry import configure

PAGE = (Path(__file__).parents[2] / "docs" / "tutorials" / "publish-a-plugin.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
pytest.importorskip("hatchling", reason="pip install -e '.[test]'")
pytest.importorskip("pip")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield tmp_path
    configure()
    sys.modules.pop("xaikit_sharpness", None)


def run(command, place, monkeypatch, capsys):
    """Run a line of the page, as far as it can be run here, and give what it prints."""
    if command.startswith("cd "):
        monkeypatch.chdir(command.removeprefix("cd "))
    elif command.startswith("pip install -e"):
        words = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
        subprocess.run(
            [sys.executable, "-m", "pip", "install", *words, "--target", str(place / "site"), "."], check=True
        )
        importlib.invalidate_caches()
        configure()
    elif command.startswith("xaikit ") and command != "xaikit doctor":
        with pytest.raises(SystemExit) as ended:
            main(command.split()[1:])
        assert not ended.value.code
    return capsys.readouterr().out


def test_what_the_page_shows_is_what_the_commands_print(place, monkeypatch, capsys):
    compared = 0
    printed = ""
    for language, text in BLOCK.findall(PAGE):
        if language == "sh":
            printed = "".join(run(line, place, monkeypatch, capsys) for line in text.splitlines())
        else:
            assert [line.rstrip() for line in printed.splitlines()] == text.splitlines()
            compared += 1

    assert compared == 2


@pytest.mark.parametrize("lines", [r"```toml\n(.*?)```", r"<!-- not run -->\n```python\n(.*?)```"])
def test_what_the_page_quotes_is_in_what_was_written(place, monkeypatch, capsys, lines):
    run("xaikit new-plugin xaikit-sharpness", place, monkeypatch, capsys)
    written = [path.read_text() for path in (place / "xaikit-sharpness").rglob("*") if path.is_file()]
    quoted = re.findall(lines, PAGE, re.DOTALL)

    assert quoted
    for part in quoted:
        assert any(part in text for text in written), part
