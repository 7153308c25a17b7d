"""`errors` and `compare` from files to a document."""

import csv
from pathlib import Path

import numpy as np
import pytest
from tests.checks.evaluations import evaluation, random_errors

from tunewell.api.compare import compare
from tunewell.api.errors import errors
from tunewell.core.document import Document
from tunewell.core.errors import InputError
from tunewell.core.finding import Matrix, Table
from tunewell.readers.predictions import write_predictions
from tunewell.subjects.evaluation import Evaluation

ROWS, CLASSES = 1200, 6
TEXTS = tuple(f"question number {number}" for number in range(ROWS))


def predictions(error: float, *, seed: int = 0) -> Evaluation:
    """Six classes with errors at random, and half of class 1 taken for class 2."""
    base = random_errors(ROWS, CLASSES, error, seed=seed, texts=TEXTS)
    moved = (base.given == 1) & (np.random.default_rng(9).random(ROWS) < 0.5)
    return evaluation(base.given, np.where(moved, 2, base.predicted), CLASSES, texts=TEXTS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Predictions of two models, a run folder and training data."""
    write_predictions(predictions(0.2), tmp_path / "old.csv")
    write_predictions(predictions(0.05, seed=1), tmp_path / "new.csv")
    (tmp_path / "run").mkdir()
    write_predictions(predictions(0.05, seed=1), tmp_path / "run" / "predictions-eval.csv")
    with (tmp_path / "train.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(240):
            label = f"class {number % CLASSES}"
            writer.writerow([f"please answer question {number // 2} of the long list", label])
    return tmp_path


def test_errors_name_the_pair_and_show_the_parts(folder: Path) -> None:
    """Findings of both families, every section, and the numbers in the verdict."""
    document = errors(folder / "new.csv", train=folder / "train.csv")
    assert not document.broken
    assert "ERR001" in {finding.code for finding in document.findings}
    assert {finding.family for finding in document.findings} <= {"errors", "metrics"}
    ids = [section.id for section in document.sections]
    assert ids == ["classes", "confusion", "pairs", "slices", "examples"]
    classes = document.sections[0].evidence[0]
    assert isinstance(classes, Table)
    assert classes.total == CLASSES
    assert classes.rows[0][0] in {"class 1", "class 2"}
    assert classes.rows[0][-1] == 40
    matrix = document.sections[1].evidence[0]
    assert isinstance(matrix, Matrix)
    assert sum(map(sum, matrix.counts)) == ROWS
    assert f"of {ROWS:,} answers are wrong: accuracy" in document.verdict
    assert Document.from_json(document.to_json()) == document


def test_errors_of_a_run_folder(folder: Path) -> None:
    """A run folder stands for the predictions in it."""
    assert errors(folder / "run").facts == errors(folder / "new.csv").facts


def test_a_perfect_model_has_no_errors(tmp_path: Path) -> None:
    """Nothing found, and no slice section."""
    path = tmp_path / "perfect.csv"
    write_predictions(random_errors(900, 5, 0.0, texts=TEXTS[:900]), path)
    document = errors(path)
    assert not document.findings
    assert document.verdict.startswith("0 of 900 answers are wrong")


def test_compare_says_better_with_its_proof(folder: Path) -> None:
    """Both metrics are proven, and broken and repaired answers are shown."""
    document = compare(folder / "old.csv", folder / "new.csv")
    assert not document.broken
    assert document.facts["verdict"] == "better"
    assert [proof.metric for proof in document.proofs] == ["accuracy", "macro_f1"]
    assert document.verdict.startswith("Accuracy rose from")
    assert document.proofs[1].sentence.startswith("Macro-F1 rose from")
    broken, repaired = document.sections[-2].evidence[0], document.sections[-1].evidence[0]
    assert isinstance(broken, Table)
    assert isinstance(repaired, Table)
    assert (repaired.total, broken.total) == (document.facts["fixed"], document.facts["broke"])
    assert compare(folder / "new.csv", folder / "old.csv").facts["verdict"] == "worse"


def test_compare_of_a_model_with_itself(folder: Path) -> None:
    """Equivalent, with no undecided difference claimed."""
    document = compare(folder / "new.csv", folder / "run")
    assert document.facts["verdict"] == "equivalent"
    assert "MET001" not in {finding.code for finding in document.findings}


def test_wrong_input_is_refused_in_words(folder: Path) -> None:
    """Other rows, other labels, an empty folder and a missing file."""
    write_predictions(random_errors(300, 6, 0.1), folder / "other.csv")
    with pytest.raises(InputError, match="1,200 and 300 rows"):
        compare(folder / "old.csv", folder / "other.csv")
    (folder / "cats.csv").write_text("text,label\na,cat\nb,dog\n")
    with pytest.raises(InputError, match="none of its labels"):
        errors(folder / "new.csv", train=folder / "cats.csv")
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="holds no predictions"):
        errors(folder / "empty")
    with pytest.raises(InputError, match="no such file"):
        errors(folder / "none.csv")
