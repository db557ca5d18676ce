"""`python -m benchmarks.profile METHOD`: the ops that a method executes beside its floor's, and their own time."""

import argparse
import os

from .cases import CASES, text_of


def main() -> None:
    """Profile, and print the table: the types whose time differs most come first."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("method", choices=list(CASES))
    parser.add_argument("--model", default="mobilenet_v2")
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--text", help="the explainer, in the place of the one that is measured")
    chosen = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from xaikit import explain

    from . import report
    from .executed import by_type, executed
    from .floors import FLOORS
    from .networks import best_classes, pictures, settled

    case, network = CASES[chosen.method], settled(chosen.model, chosen.side)
    images = pictures(chosen.batch, chosen.side)
    classes = best_classes(network, images)
    text = chosen.text or text_of(chosen.method, chosen.side)
    floor = FLOORS[case.floor].build(network, case.copies, 32)
    calls = [lambda: explain(text, network.model, images), lambda: floor(images, classes)]
    for call in calls:
        call()
    ours, theirs = ({kind: (count, ms) for kind, count, ms in by_type(executed(call))} for call in calls)
    kinds = sorted({**ours, **theirs}, key=lambda kind: -abs(ours.get(kind, (0, 0))[1] - theirs.get(kind, (0, 0))[1]))
    lines = []
    for kind in kinds[:25]:
        (count, ms), (other, floor_ms) = ours.get(kind, (0, 0.0)), theirs.get(kind, (0, 0.0))
        lines.append([f"`{kind}`", f"{count} / {other}", f"{ms:.2f} / {floor_ms:.2f}", f"{ms - floor_ms:+.2f}"])
    total = [sum(ms for _, ms in each.values()) for each in (ours, theirs)]
    print(
        f"`{text}` on {chosen.model}, batch {chosen.batch}: {total[0]:.1f} ms of ops; the floor's: {total[1]:.1f} ms.\n"
    )
    print(report.table(["op", "times, xaikit / floor", "own ms", "more"], lines))


if __name__ == "__main__":
    main()
