"""Draw the pictures of how-to/series-tables-text.md: the page's own Python is run, and what it writes is kept.

python docs/draw_kinds.py
"""

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).parent
PAGE = DOCS / "how-to" / "series-tables-text.md"
PICTURES = ("series.png", "table.png", "text.png", "volumes.png")


def draw(folder: Path = DOCS / "pictures", page: Path = PAGE, pictures: Sequence[str] = PICTURES) -> list[Path]:
    """Run a page and copy its pictures into `folder`."""
    namespace: dict[str, object] = {"__name__": page.stem}
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            for code in re.findall(
                r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
            ):
                exec(compile(code, str(page), "exec"), namespace)
        finally:
            os.chdir(here)
        return [Path(shutil.copy(Path(scratch) / name, folder / name)) for name in pictures]


if __name__ == "__main__":
    for picture in draw():
        print(picture)
