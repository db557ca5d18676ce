"""Draw the picture of how-to/profile.md: the page's own Python is run, and what it writes is kept.

python docs/draw_profile.py
"""

from pathlib import Path

import draw_kinds

if __name__ == "__main__":
    page = Path(__file__).parent / "how-to" / "profile.md"
    for picture in draw_kinds.draw(page=page, pictures=("profile.png",)):
        print(picture)
