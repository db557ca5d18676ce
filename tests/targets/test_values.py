"""Targets as values: they spell themselves, are compared by content, and refuse what needs no model to be refused."""

import numpy as np
import pytest

from xaikit import explain, gradients
from xaikit.cli.naming import target_of
from xaikit.core.targets import chosen
from xaikit.errors import InputError, TargetError, UnknownName
from xaikit.targets import detection, difference, named, output, regression, segment, similarity

LABELS = ["cat", "dog", "heron"]

VALUES = {
    "output('genus')": lambda: output("genus"),
    "output('genus', targets='top3')": lambda: output("genus", "top3"),
    "output(1, targets=difference(0, 2))": lambda: output(1, difference(0, 2)),
    "difference('top1', 'top2')": lambda: difference("top1", "top2"),
    "difference(3, 1)": lambda: difference(np.int64(3), second=1),
    "regression()": lambda: regression(),
    "regression(index=2)": lambda: regression(2),
    "segment('top1')": lambda: segment("top1"),
    "segment(2, region=(1, 1, 3, 4))": lambda: segment(2, (1, 1, 3, 4)),
    "segment(2, region='all')": lambda: segment(2, region="all"),
    "detection(3, class_index=1)": lambda: detection(3, 1),
    "detection(0, how='similarity', outputs=('a', 'b'))": lambda: detection(0, how="similarity", outputs=["a", "b"]),
    "named('dog', ['cat', 'dog', 'heron'])": lambda: named("dog", LABELS),
    "named(('dog', 'cat'), ['cat', 'dog', 'heron'])": lambda: named(["dog", "cat"], LABELS),
}


@pytest.mark.parametrize("text", VALUES)
def test_a_value_spells_itself_and_equals_what_is_made_anew(text):
    value, anew = VALUES[text](), VALUES[text]()

    assert repr(value) == text
    assert value == anew
    assert hash(value) == hash(anew)
    assert len({value, *(other() for name, other in VALUES.items() if name != text)}) == len(VALUES)


def test_arrays_are_compared_by_content_and_frozen():
    mask = np.eye(4, dtype=bool)
    one, other = segment(1, mask), segment(1, mask.copy())

    mask[0, 1] = True

    assert one == other != segment(1, mask)
    assert hash(one) == hash(other)
    assert "array('4x4'" in repr(one)
    assert similarity([1, 2]) == similarity(np.array([1, 2])) != similarity([2, 1])
    assert output("a", [0, 1]) == output("a", np.array([0, 1])) != output("a", [1, 1])


def test_labels_beyond_some_are_counted_in_the_spelling():
    assert repr(named("7", [str(i) for i in range(1000)])) == "named('7', <1000 labels>)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: output(-1), "an output's name, or its position counted from 0, not -1"),
        (lambda: output(1.0), "not 1.0"),
        (lambda: output(True), "not True"),
        (lambda: output("a", "best"), "must be 'top1', 'topK'"),
        (lambda: output("a", -1), "class indices count from 0"),
        (lambda: output("a", [[0], [1, 2]]), "ragged"),
        (lambda: output("a", np.eye(3, dtype=int)), "one-hot rows"),
        (lambda: output("a", output("b")), "an output has no outputs of its own"),
        (lambda: difference(1, 1), "is 0 everywhere; 1 is given twice"),
        (lambda: difference("top2", "top2"), "'top2' is given twice"),
        (lambda: difference(-1, 0), "class indices count from 0"),
        (lambda: difference(0, "best"), "a class must be an index, or a rank such as 'top1', not 'best'"),
        (lambda: difference(0, "all"), "not 'all'"),
        (lambda: difference(0, [1, 2]), "must be one index"),
        (lambda: difference(0, 1.5), "whole numbers, not float64"),
        (lambda: difference(True, 0), "whole numbers, not bool"),
        (lambda: difference(0, output("a")), "must be one index"),
        (lambda: regression("top1"), "index must be a whole number counted from 0, not 'top1'"),
        (lambda: regression(-1), "count from 0"),
        (lambda: regression([0, 1]), "must be one index"),
        (lambda: segment("best"), "must be 'top1', 'topK'"),
        (lambda: segment(lambda scores: scores), "a class must be an index"),
        (lambda: segment(output("a", 1)), "a class must be an index"),
        (lambda: segment(np.eye(3)), r"argmax\(axis=-1\)"),
        (lambda: segment(1, "somewhere"), "region must be 'predicted', 'all', a box or a mask, not 'somewhere'"),
        (lambda: segment(1, (3, 3, 1, 5)), r"one past the last.*not \(3, 3, 1, 5\)"),
        (lambda: segment(1, (0, 0, 4)), r"not \(0, 0, 4\)"),
        (lambda: segment(1, (-1, 0, 4, 4)), r"not \(-1, 0, 4, 4\)"),
        (lambda: segment(1, np.full((4, 4), 0.5)), "a mask of True and False"),
        (lambda: segment(1, [[1, 2], [0, 1]]), "a mask of True and False"),
        (lambda: segment(1, [[1], [0, 1]]), "region must be an array of one shape, and this one is ragged"),
        (lambda: segment(1, None), "region must be an array of numbers, not object"),
        (lambda: detection([0, 0, 1]), r"boxes must be \[4\] or \[N, 4\], not of shape \(3,\)"),
        (lambda: detection(-1), "class indices count from 0"),
        (lambda: detection("top1"), "a box is a number counted from 0, or 4 numbers, not 'top1'"),
        (lambda: detection([0, 0, np.nan, 1]), "box must be finite"),
        (lambda: detection(0, how="iou"), "how must be 'index' or 'similarity', not 'iou'"),
        (lambda: detection(0, format="rel"), "format must be one of xyxy, yxyx, xywh, center_xywh, not 'rel'"),
        (lambda: detection(0, outputs="boxes"), "outputs must be a pair"),
        (lambda: similarity([0.0, 0.0]), "a reference of zeros has no direction"),
        (lambda: similarity([[1.0], [0.0]]), "a reference of zeros has no direction"),
        (lambda: similarity([1.0, np.inf]), "must be finite"),
        (lambda: similarity(1.0), r"must be \[D\] or \[N, D\], not of shape \(\)"),
        (lambda: similarity([]), r"an array of numbers, not float64 of shape \(0,\)"),
        (lambda: similarity(["a"]), "an array of numbers, not <U1"),
        (lambda: similarity([1.0], "angle"), "how must be 'cosine' or 'dot', not 'angle'"),
        (lambda: named(3, LABELS), "names must be a text"),
        (lambda: named([["cat"], ["dog", "cat"]], LABELS), "these are ragged"),
        (lambda: named("cat", ["cat", "dog", "cat"]), "Several classes are named 'cat', 0, 2: give the index"),
        (lambda: chosen(difference), r"write difference\(\.\.\.\)"),
    ],
)
def test_what_needs_no_model_is_refused_at_once(make, message):
    with pytest.raises(TargetError, match=message):
        make()


def test_a_name_is_its_index(linear, rows, tmp_path):
    file = tmp_path / "labels.json"
    file.write_text('["cat", "dog", "heron", "crane"]')
    expected = explain(gradients, linear, rows, 2)
    each = explain(gradients, linear, rows[:2], [3, 1])

    actual = explain(gradients, linear, rows, named("heron", str(file)))
    several = explain(gradients, linear, rows[:2], named(["crane", "dog"], file))

    np.testing.assert_array_equal(actual.maps, expected.maps)
    np.testing.assert_array_equal(actual.targets, expected.targets)
    np.testing.assert_array_equal(several.maps, each.maps)
    assert several.targets.tolist() == [[3], [1]]
    assert actual.notes["targets"] == f"named('heron', {str(file)!r})"
    np.testing.assert_array_equal(
        explain(gradients, linear, rows[:2], named([["cat", "dog"], ["dog", "heron"]], file)).targets, [[0, 1], [1, 2]]
    )
    assert difference(named("dog", file), named("cat", file)) != difference(1, 0)  # spelled otherwise, and the same
    np.testing.assert_array_equal(
        explain(gradients, linear, rows, difference(named("dog", file), named("cat", file))).maps,
        explain(gradients, linear, rows, difference(1, 0)).maps,
    )


def test_an_unknown_name_tells_the_nearest_and_a_file_that_is_none_is_named(tmp_path):
    with pytest.raises(UnknownName, match=r"There is no class named 'hero'\. Did you mean 'heron'\?"):
        named(["cat", "hero"], LABELS)
    with pytest.raises(InputError, match="Cannot read labels from"):
        named("cat", tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("text", "which", "expected"),
    [
        ("heron", "", 2),
        ("1", "", 1),
        ("top3", "", "top3"),
        ("all", "", "all"),
        ("top1-top2", "", difference("top1", "top2")),
        ("heron-cat", "", difference(2, 0)),
        ("great-tit", "", 3),
        ("great-tit-0", "", difference(3, 0)),
        ("cat-great-tit", "", difference(0, 3)),
        ("top1", "species", output("species")),
        ("dog-top1", "1", output(1, difference(1, "top1"))),
    ],
)
def test_the_command_line_reads_targets(text, which, expected):
    assert target_of(text, [*LABELS, "great-tit"], which) == expected


def test_the_command_line_refuses_what_names_no_class():
    with pytest.raises(TargetError, match="Several classes are named 'cat'"):
        target_of("cat", ["cat", "cat"])
    with pytest.raises(UnknownName, match=r"no class named 'herons'\. Did you mean 'heron'"):
        target_of("herons", LABELS)
    with pytest.raises(UnknownName, match="Names need --labels FILE"):
        target_of("cat-dog", [])
    with pytest.raises(UnknownName):
        target_of("all-top1", LABELS)
