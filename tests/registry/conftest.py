"""Plugins that are installed as long as a test lasts."""

import importlib
import sys

import pytest

from tests.registry.sources import entry_points


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install distributions for real, as modules and `.dist-info` folders, and give a registry of them.

    A distribution is name=source, or name={entry point: value} where its modules were written before.
    """
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def install(**sources):
        for name, source in sources.items():
            distribution = name.replace("_", "-")
            if isinstance(source, str):
                (tmp_path / f"{name}.py").write_text(source)
                points = {"main": name}
            else:
                points = source
            folder = tmp_path / f"{name}-1.0.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
            lines = "".join(f"{point} = {value}\n" for point, value in points.items())
            (folder / "entry_points.txt").write_text(f"[xaikit]\n{lines}")
        importlib.invalidate_caches()
        return entry_points(tmp_path)

    yield install
    for name in set(sys.modules) - before:
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]
