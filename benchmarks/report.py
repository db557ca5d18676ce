"""Results as JSON, as a page of tables, and as a picture."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .cases import CASES
from .machine import in_words

Found = dict[str, Any]
Row = dict[str, Any]

_READ = """\
A ratio is the time of `explain` over that of the method's floor, the smallest TensorFlow program that any
implementation has to run: 1 is as fast as can be. It is the median over pairs that were measured one after the other.
"First" is the first call, in seconds, tracing included, each in a process of its own; passes are forward and backward
ones for each example, as they were executed; memory is the peak over what was there before, in MiB, at the largest
batch. After each stroke: the floor's. How it is measured:
[docs/explanation/speed.md](../../docs/explanation/speed.md)."""


def write(found: Found, folder: Path) -> None:
    """Write `DATE.json`, `DATE.md` and `DATE.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    date = found["machine"]["date"]
    (folder / f"{date}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draw(found, folder / f"{date}.png")
    text = markdown(found, picture=f"{date}.png")
    (folder / f"{date}.md").write_text(text, encoding="utf-8")


def markdown(found: Found, picture: str = "") -> str:
    """Write the page."""
    options = found["options"]
    parts = [
        f"# Speed, {found['machine']['date']}",
        f"Measured on {in_words(found['machine'])}",
        f"Pictures of {options['side']} x {options['side']}; at most {options['runs']} rounds, and no other one after "
        f"{options['limit_s']:g} s.",
        _READ,
        f"![ratios to the floor]({picture})" if picture else "",
        *(_network(name, found) for name in dict.fromkeys(row["network"] for row in found["rows"])),
        _rates(found),
        peers(found.get("peers", [])),
        _floors(found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _network(name: str, found: Found) -> str:
    batches = found["options"]["batches"]
    floors = {row["floor"]: row for row in found["floors"] if row["network"] == name}
    header = ["method", *(f"at {batch}" for batch in batches), f"ms at {batches[-1]}", "first", "passes", "memory"]
    lines = []
    for method, rows in by_method(found["rows"], name).items():
        if "failed" in rows[0]:
            lines.append([f"`{method}`", f"failed: {rows[0]['failed']}"])
            continue
        last, floor = rows[-1], floors.get(rows[-1]["floor"], {})
        lines.append(
            [
                f"`{last['explainer']}`",
                *(f"{row['ratio']:.2f}" for row in rows),
                f"{last['xaikit_ms']:.0f} / {last['floor_ms']:.0f}",
                f"{last['first_s']:.1f} / {_tenth(floor.get('first_s'))}",
                _counts(found["counts"].get(method)),
                f"{_whole(last['peak_mib'])} / {_whole(floor.get('peak_mib'))}",
            ]
        )
    return f"## {name}\n\n{table(header, lines)}"


def by_method(rows: Iterable[Row], network: str) -> dict[str, list[Row]]:
    """The rows of a network, by method."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["network"] == network:
            found.setdefault(row["method"], []).append(row)
    return found


def _counts(counts: dict[str, float] | None) -> str:
    if not counts:
        return ""
    ours, theirs = (f"{counts[f'{who}_forward']:g} + {counts[f'{who}_backward']:g}" for who in ("xaikit", "floor"))
    return f"{ours} / {theirs}"


def _whole(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"


def _tenth(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"


def _rates(found: Found) -> str:
    lines = [
        [name, kind, *(f"{speed:.0f}" for speed in speeds.values())]
        for name, kinds in found["rates"].items()
        for kind, speeds in kinds.items()
    ]
    if not lines:
        return ""
    sizes = next(iter(next(iter(found["rates"].values())).values()))
    header = ["network", "passes", *(f"{size} at a time" for size in sizes)]
    return (
        "## Rows per second\n\nBy how many are fed at once. Floors of many passes take the fastest; `explain` takes as "
        f"many as its `batch_size` of 32 has room for.\n\n{table(header, lines)}"
    )


def peers(rows: Sequence[Row]) -> str:
    """Write the table of other libraries."""
    if not rows:
        return ""
    lines = []
    for row in rows:
        start = [row["peer"], row.get("network", ""), row.get("method", ""), str(row.get("batch", ""))]
        if "failed" in row:
            lines.append([*start, f"failed: {row['failed']}"])
        else:
            times = f"{row['peer_ms']:.0f} / {row['floor_ms']:.0f}"
            lines.append([*start, f"{row['ratio']:.2f}", times, f"{row['first_s']:.1f} / {row['floor_first_s']:.1f}"])
    header = ["library", "network", "method", "batch", "ratio", "ms", "first"]
    how = (
        "Each against the floor in its own environment, without what is there for the scores alone: none of them gives "
        "any."
    )
    return f"## Other libraries\n\n{how}\n\n{table(header, lines)}"


def _floors(found: Found) -> str:
    from .floors import FLOORS

    used = dict.fromkeys(CASES[row["method"]].floor for row in found["rows"])
    return "## The floors\n\n" + "\n".join(f"- `{name}`: {FLOORS[name].why}." for name in used)


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Write a table; the first column is text, the others are numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines])


def draw(found: Found, path: Path) -> None:
    """Draw the ratios: a panel for each network, a row for each method, a dot for each batch."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(row["network"] for row in found["rows"] if "ratio" in row))
    tall = [len(by_method(found["rows"], name)) for name in names]
    height = 1.2 * len(names) + 0.24 * sum(tall)
    figure, panels = plt.subplots(
        len(names), figsize=(8, height), squeeze=False, gridspec_kw={"height_ratios": [n + 2 for n in tall]}
    )
    for panel, name in zip(panels[:, 0], names, strict=True):
        _panel(panel, name, found)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panel(panel: Any, name: str, found: Found) -> None:
    methods = {method: rows for method, rows in by_method(found["rows"], name).items() if "ratio" in rows[0]}
    for number, batch in enumerate(found["options"]["batches"]):
        ratios = [next(row["ratio"] for row in rows if row["batch"] == batch) for rows in methods.values()]
        panel.plot(ratios, range(len(methods)), "os^Dv"[number % 5], label=f"batch {batch}", alpha=0.8)
    panel.axvline(1, color="black", linewidth=1)
    panel.set_yticks(range(len(methods)), list(methods), fontsize=8)
    panel.invert_yaxis()
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter("{x:g}")
    panel.xaxis.set_minor_formatter("{x:g}")
    panel.grid(axis="both", alpha=0.3)
    panel.set_title(f"{name}: time over the floor's")
    panel.legend(fontsize=8)
