"""Pictures that stand on a page of their own are there, and are made by the command."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_every_picture_of_a_page_of_its_own_is_there():
    spec = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    for name in module.OTHERS:
        assert (DOCS / "pictures" / f"{name}.jpg").exists(), "run python docs/pictures.py"
        assert f"pictures/{name}.jpg" in (DOCS / "how-to" / f"{name}.md").read_text(encoding="utf-8")
