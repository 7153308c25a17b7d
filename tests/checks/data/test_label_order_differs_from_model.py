"""DAT062 label-order-differs-from-model."""

import dataclasses
import json
from pathlib import Path

from tunewell.checks.data.label_order_differs_from_model import label_order_differs_from_model
from tunewell.core.finding import Severity
from tunewell.readers.data import read_dataset
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, run_check


def head(*names: str) -> Checkpoint:
    """A classifier with these classes."""
    return Checkpoint(
        Path("model"),
        {
            "architectures": ["BertForSequenceClassification"],
            "id2label": {str(at): name for at, name in enumerate(names)},
        },
    )


def numbered(*names: str) -> Dataset:
    """Data whose file says in which order its classes are numbered."""
    made = dataset([f"row {name}" for name in names], list(names))
    source = dataclasses.replace(made.train.source, class_names=names)
    return Dataset(train=dataclasses.replace(made.train, source=source))


NAMES = ("negative", "neutral", "positive")


class TestLabelOrderDiffersFromModel(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = label_order_differs_from_model
    faulty = {
        "turned round": (numbered(*NAMES), head(*reversed(NAMES))),
        "another case, another order": (numbered(*NAMES), head("Positive", "Negative", "Neutral")),
        "sorted names": (dataset(["x", "y", "z"], list(NAMES)), head(*reversed(NAMES))),
    }
    nearly = {
        "another case": (numbered(*NAMES), head("Negative", "NEUTRAL", "positive")),
        "other classes": (numbered(*NAMES), head("sad", "joy", "love")),
        "a class more": (numbered(*NAMES), head("mixed", *NAMES)),
        "a head without names": (numbered(*NAMES), head("LABEL_0", "LABEL_1", "LABEL_2")),
    }
    clean = {"the same order": (numbered(*NAMES), head(*NAMES))}


def test_a_list_beside_the_file_tells_the_order(tmp_path: Path) -> None:
    lines = [f"some text number {at},{at % 3}" for at in range(30)]
    (tmp_path / "rows.csv").write_text("text,label\n" + "\n".join(lines), encoding="utf-8")
    (tmp_path / "categories.json").write_text(json.dumps(NAMES), encoding="utf-8")
    made = read_dataset(tmp_path / "rows.csv")
    assert made.train.source.class_names == NAMES
    finding = run_check(label_order_differs_from_model, (made, head(*reversed(NAMES)))).findings[0]
    assert finding.severity is Severity.WARNING
    assert "2 classes of 3" in finding.message


def test_a_list_that_does_not_fit_is_left_alone(tmp_path: Path) -> None:
    lines = [f"some text number {at},{at % 3}" for at in range(30)]
    (tmp_path / "rows.csv").write_text("text,label\n" + "\n".join(lines), encoding="utf-8")
    for content in ("one\ntwo", "\n".join("abcdefghij"), '{"a": 1', ""):
        (tmp_path / "labels.txt").write_text(content, encoding="utf-8")
        assert read_dataset(tmp_path / "rows.csv").train.source.class_names == ()
