"""`diagnose` on every format of log."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.readers.logs.fixture_logs import LOGS

from tunewell.api.diagnose import diagnose
from tunewell.api.given import Given
from tunewell.api.public import diagnose as public
from tunewell.core.document import Document
from tunewell.core.errors import InputError
from tunewell.engine.settings import Settings


def told(document: Document) -> str:
    """What the document says of the run that was taken."""
    (section,) = [section for section in document.sections if section.id == "curves"]
    return section.text


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("transformers_text/terminal.txt", "printed log (steps from the progress bar)"),
        ("trl_text", "printed log"),
        ("keras/lines.txt", "printed log (steps counted over its epochs)"),
        ("axolotl", "printed log"),
        ("torchtune", "printed log (its lines show their steps)"),
        ("lightning", "Lightning metrics.csv"),
        ("lightning/lightning_logs/version_0/metrics.csv", "Lightning metrics.csv"),
        ("llamafactory", "LLaMA-Factory trainer_log.jsonl"),
        ("tinker", "JSONL with steps in the column step"),
        ("tables/frame.csv", "CSV with steps in the column step"),
        ("hugging_face/resumed", "Hugging Face trainer_state.json, with TensorBoard"),
    ],
)
def test_every_format(path: str, source: str) -> None:
    """A file or a folder of each is found, and its curves are shown."""
    document = public(LOGS / path)
    assert document.checks_looked
    assert told(document).startswith(source)


def test_a_project_folder(tmp_path: Path) -> None:
    """Logs below a project are found; data beside them stays data."""
    shutil.copytree(LOGS / "lightning" / "lightning_logs", tmp_path / "lightning_logs")
    (tmp_path / "train.csv").write_text(
        "text,label\n" + "".join(f"this is text number {at},{at % 2}\n" for at in range(40)),
        encoding="utf-8",
    )
    document = public(tmp_path)
    examined = {thing.what: thing.reason for thing in document.examined}
    assert examined["log"] == "holds 3 runs (Lightning metrics.csv)"
    assert examined["training data"].startswith("40 rows")
    assert "the newest of 3 runs; --run NAME takes another" in told(document)


def test_which_of_several_runs() -> None:
    """The document says how many there are, which was taken, and how to take another."""
    document = public(LOGS / "lightning", run="version_1")
    (run,) = [thing for thing in document.examined if thing.what == "run"]
    assert run.reason.startswith("version_1, given with --run of 3 runs; --run NAME takes another")
    with pytest.raises(InputError, match=r"no run called 'x'; the runs are version_"):
        public(LOGS / "lightning", run="x")


@pytest.mark.parametrize(
    ("path", "runs"),
    [
        ("hugging_face/resumed", 1),  # its TensorBoard files are of the same run
        ("hugging_face/restarted", 2),
        ("tensorboard/keras", 1),  # train and validation are sides of one run
        ("wandb/resumed", 1),  # two folders of W&B are parts of one run
    ],
)
def test_a_run_that_is_logged_in_parts_counts_once(path: str, runs: int) -> None:
    """However many files and folders tell of it."""
    document = public(LOGS / path)
    reasons = [thing.reason for thing in document.examined if thing.what == "run"]
    assert [f"newest of {runs} runs" in reason for reason in reasons] == [True] * (runs > 1)


def test_a_name_where_there_is_no_run(tmp_path: Path) -> None:
    """An error message alone is no run."""
    log = tmp_path / "err.txt"
    log.write_text("Traceback (most recent call last):\nKeyError: 'label'\n", encoding="utf-8")
    with pytest.raises(InputError, match="none called '2'"):
        public(log, run="2")


def test_values_and_error_of_one_text() -> None:
    """A printed log gives its curves and its exception."""
    document = public(LOGS / "transformers_text" / "died.txt")
    assert told(document).startswith("printed log")
    assert "known-exception" in {finding.name for finding in document.findings}


def test_pasted() -> None:
    """Through standard input: the same as the file."""
    path = LOGS / "transformers_text" / "nan.txt"
    pasted = diagnose(Given(pasted=path.read_bytes()), Settings())
    names = {finding.name for finding in public(path).findings}
    assert {finding.name for finding in pasted.findings} == names
    assert "hidden-non-finite" in names
    assert pasted.title == "standard input"


def test_a_text_that_says_nothing() -> None:
    """It is not called healthy."""
    document = diagnose(Given(pasted=b"hello there\n"), Settings())
    assert document.verdict == "The text shows no values of a training and no error that ended it."


def test_an_error_that_nobody_knows() -> None:
    """It is told, and is not passed over because no pattern fits."""
    text = b"Traceback (most recent call last):\n  File \"a.py\", line 3, in f\nKeyError: 'x'\n"
    (finding,) = diagnose(Given(pasted=text), Settings()).findings
    assert finding.name == "unknown-exception"
    assert "a.py, line 3 in f" in finding.message


def test_pasted_beside_a_folder() -> None:
    """The folder has the run, the text the error."""
    given = Given(paths=(LOGS / "llamafactory",), pasted=b"RuntimeError: CUDA out of memory.\n")
    document = diagnose(given, Settings())
    assert told(document).startswith("LLaMA-Factory")
    assert "known-exception" in {finding.name for finding in document.findings}


def test_nothing_there_names_the_formats(tmp_path: Path) -> None:
    """In one sentence."""
    (tmp_path / "train.csv").write_text("text,label\na,1\nb,0\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"no run was found here.*Lightning metrics\.csv.*through -"
    ):
        public(tmp_path)


@pytest.mark.parametrize(
    "name", ["terminal", "buffered", "info", "by_epoch", "accumulated", "first_step", "pasted"]
)
def test_healthy_runs_raise_no_alarm(name: str) -> None:
    """However they were printed."""
    document = public(LOGS / "transformers_text" / f"{name}.txt")
    assert [f.name for f in document.findings if f.severity != "info"] == []
