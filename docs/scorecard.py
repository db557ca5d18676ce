"""Write the scorecard: the whole catalogue on the suites.

Run as `python docs/scorecard.py`. It takes some minutes, and its seconds are the machine's: no test makes it anew.
"""

import argparse
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from xaikit.evaluation import Evaluation
from xaikit.evaluation.suites import suite
from xaikit.evaluation.suites.catalogue import CHEAPER
from xaikit.registry import configure

PAGE = Path(__file__).parent / "explanation" / "scorecard.md"
COUNTS = {"shapes": 48, "grid": 32, "closed-form": 24, "digits": 200}

_PREFACE = """\
# Scorecard

<!-- Written by docs/scorecard.py. -->

Every method of the catalogue, and a map of noise (`random`), on the
[suites](../how-to/evaluate.md#suites-where-the-answer-is-known) of which it is known what a right explanation says.
This page is made by

```sh
python docs/scorecard.py
```

and a single table of it by `xaikit evaluate --suite NAME`. Small models and data: the order is telling, the numbers are
not those of your model. An arrow says which way is better; in brackets is the 95 % bootstrap interval of the mean. What
the columns mean: [Choose a metric](../how-to/choose-a-metric.md).

Methods run with their defaults, but for those that need many forward passes, which get fewer here:
{cheaper}.

| method | what the cells say |
|---|---|
| a number in brackets, `[1]` | the note of that number says why it was not measured |
| `rows` | rows fed to the model to explain one example, forward |
| `seconds` | of the whole evaluation, compiling included |
"""


def main() -> None:
    """Evaluate, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", nargs="*", default=list(COUNTS), choices=list(COUNTS))
    parser.add_argument("--count", type=int, help="Examples of each part, for a quick look; the page says how many.")
    parser.add_argument("--to", type=Path, default=PAGE)
    options = parser.parse_args()
    configure(no_plugins=True)  # the page is about the catalogue, wherever it is made
    cheaper = ", ".join(_spelled(name, changes) for name, changes in CHEAPER.items())
    blocks = [_PREFACE.format(cheaper=textwrap.fill(cheaper, 118))]
    for name in options.suites:
        made = suite(name, count=options.count or COUNTS[name])
        print(made.text, flush=True)
        found = made.evaluate()
        blocks.append(f"## {name}\n\n{made.text.partition(': ')[2].capitalize()}.\n\n{_table(found, name)}")
    versions = ", ".join(f"{package} {version}" for package, version in found.versions.items())
    options.to.write_text("\n".join([*blocks, f"Made with {versions}.\n"]), encoding="utf-8")


def _spelled(name: str, changes: Mapping[str, Any]) -> str:
    parameters = ", ".join(f"{key}={value}" for key, value in changes.items())
    return f"`{name}({parameters})`"


def _table(found: Evaluation, name: str) -> str:
    """Write a suite's table; of closed forms the methods alone that claim them."""
    if name != "closed-form":
        return found.to_markdown()
    kept = {label: text for label, text in found.explainers.items() if any(owner == label for owner, _ in found.cells)}
    errors = {place: why for place, why in found.errors.items() if place[0] in kept}
    table = replace(found, explainers=kept, errors=errors).to_markdown()
    return f"{table}\nThe other methods do not claim to be complete, or need positions, which these inputs have not.\n"


if __name__ == "__main__":
    main()
