"""DAT010 label-outside-head."""

from pathlib import Path

from tunewell.checks.data.label_outside_head import label_outside_head
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.testing import CheckCases, dataset, rows, run_check

DATA = dataset(["hi", "ho"], ["a", "b"])


def head(*names: str) -> Checkpoint:
    """A classifier with these classes."""
    return Checkpoint(
        Path("model"),
        {
            "architectures": ["BertForSequenceClassification"],
            "id2label": {str(at): name for at, name in enumerate(names)},
        },
    )


class TestLabelOutsideHead(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = label_outside_head
    faulty = {
        "a new name": (DATA, head("a", "c")),
        "an id beyond the last": (dataset(["x", "y"], ["0", "2"]), head("LABEL_0", "LABEL_1")),
        "counted from 1": (dataset(["x", "y"], ["1", "2"]), head("no", "yes")),
        "counted from 1, without names": (
            dataset(["x", "y"], ["1", "2"]),
            head("LABEL_0", "LABEL_1"),
        ),
        "no label": (dataset(["x", "y", "z"], ["0", "1", "-1"]), head("LABEL_0", "LABEL_1")),
        "a set of labels": (
            rows([{"text": f"row {at}", "labels": ["a", "c"]} for at in range(9)]),
            head("a", "b"),
        ),
        "tags": (
            rows([{"tokens": ["x", "y"], "ner_tags": ["O", "B-LOC"]} for _ in range(9)]),
            head("O", "B-PER"),
        ),
        "more names than outputs": (
            dataset(["x", "y", "z"], ["a", "b", "c"]),
            head("LABEL_0", "LABEL_1"),
        ),
    }
    nearly = {
        "tags of another case": (
            rows([{"tokens": ["x", "y"], "ner_tags": ["O", "B-LOC"]} for _ in range(9)]),
            head("O", "b-loc"),
        ),
        "another separator": (dataset(["x", "y"], ["top_up", "b"]), head("top up", "b")),
        "another case": (DATA, head("A", "B")),
        "names for a nameless head": (DATA, head("LABEL_0", "LABEL_1")),
        "ids for a named head": (dataset(["x", "y"], ["0", "1"]), head("no", "yes")),
        "fewer classes": (DATA, head("a", "b", "c")),
    }
    clean = {
        "the same names": (DATA, head("a", "b")),
        "a base model": (DATA, Checkpoint(Path("model"), {"architectures": ["BertModel"]})),
    }


def test_ids_that_begin_at_one_are_told() -> None:
    subjects = (dataset(["x", "y"], ["1", "2"]), head("no", "yes"))
    assert "counted from 1" in run_check(label_outside_head, subjects).findings[0].message
