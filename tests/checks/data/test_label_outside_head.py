"""DAT010 label-outside-head."""

from pathlib import Path

from tunewell.checks.data.label_outside_head import label_outside_head
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.testing import CheckCases, dataset

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
        "more names than outputs": (
            dataset(["x", "y", "z"], ["a", "b", "c"]),
            head("LABEL_0", "LABEL_1"),
        ),
    }
    nearly = {
        "another case": (DATA, head("A", "B")),
        "names for a nameless head": (DATA, head("LABEL_0", "LABEL_1")),
        "ids for a named head": (dataset(["x", "y"], ["0", "1"]), head("no", "yes")),
        "fewer classes": (DATA, head("a", "b", "c")),
    }
    clean = {
        "the same names": (DATA, head("a", "b")),
        "a base model": (DATA, Checkpoint(Path("model"), {"architectures": ["BertModel"]})),
    }
