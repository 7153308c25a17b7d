"""The commands on real files: what they print, write and answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from tunewell.core.document import Document

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "banking77"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A copy of the shipped sample."""
    folder = tmp_path / "banking77"
    shutil.copytree(SAMPLE, folder)
    return folder


def test_check_finds_what_is_wrong_with_the_sample(tunewell: Run, sample: Path) -> None:
    ended = tunewell("check", sample, "--output-format", "json")
    document = Document.from_json(ended.out)
    found = {finding.name: finding for finding in document.findings}
    assert ended.status == 1
    assert {
        "train-evaluation-leakage",
        "exact-duplicate-rows",
        "conflicting-labels",
        "truncated-rows",
        "learning-rate-outside-range",
    } <= found.keys()
    # 6 evaluation and 19 test rows stand in the training data: counted apart from this project.
    assert found["train-evaluation-leakage"].where_total == 25
    assert not document.broken


def test_fix_and_undo_leave_the_originals_as_they_were(tunewell: Run, sample: Path) -> None:
    before = {path.name: path.read_bytes() for path in sample.iterdir()}
    tunewell("check", sample, "--fix", "--unsafe-fixes")
    assert (sample / "train.fixed.csv").is_file()
    assert "learning_rate = 0.0001" in (sample / "tunewell.fixed.toml").read_text(encoding="utf-8")
    assert all((sample / name).read_bytes() == data for name, data in before.items())
    ended = tunewell("undo", sample)
    assert ended.status == 0
    assert {path.name for path in sample.iterdir()} == before.keys()


def test_the_repaired_project_is_quiet(tunewell: Run, sample: Path) -> None:
    tunewell("check", sample, "--fix", "--unsafe-fixes")
    for name in ("train.csv", "tunewell.toml"):
        fixed = sample / name.replace(".", ".fixed.")
        fixed.replace(sample / name)
    ended = tunewell("check", sample)
    assert ended.status == 0, ended.out
    assert "error" not in ended.out.partition("\n")[0]


def test_fix_alone_applies_nothing_that_changes_the_learning(tunewell: Run, sample: Path) -> None:
    tunewell("check", sample, "--fix")
    assert not list(sample.glob("*.fixed.*"))


def test_a_report_is_written_beside_what_is_printed(tunewell: Run, sample: Path) -> None:
    report = sample / "report.html"
    ended = tunewell("check", sample, "--output", report, "--exit-zero")
    assert ended.status == 0
    assert "train-evaluation-leakage" in report.read_text(encoding="utf-8")
    assert str(report) in ended.err


def test_selecting_and_failing(tunewell: Run, sample: Path) -> None:
    assert tunewell("check", sample, "--select", "DAT012").status == 0
    assert tunewell("check", sample, "--select", "DAT012", "--fail-on", "warning").status == 1
    assert tunewell("check", sample, "--select", "FIT001").status == 3


def test_explain_prints_the_page(tunewell: Run) -> None:
    by_code, by_name = (
        tunewell("explain", "DAT007"),
        tunewell("explain", "train-evaluation-leakage"),
    )
    assert by_code.out == by_name.out
    assert "## When it is wrong" in by_code.out
    assert "DAT007" in tunewell("explain", "--all").out


def test_output_is_the_same_twice(tunewell: Run, sample: Path) -> None:
    first = tunewell("check", sample, "--output-format", "json").out
    assert first == tunewell("check", sample, "--output-format", "json").out
    assert json.loads(first)["schema"] == 1


def test_the_width_of_a_terminal_is_kept(tunewell: Run, sample: Path) -> None:
    for line in tunewell("check", "--verbose", sample).out.splitlines():
        # A path is never broken, so that it can be clicked.
        assert len(line) <= 80 or str(sample) in line, line


def test_checking_imports_neither_torch_nor_transformers() -> None:
    program = (
        "import sys\n"
        "from tunewell.cli.main import main\n"
        f"sys.argv = ['tunewell', 'check', {str(SAMPLE / 'train.csv')!r}, '--exit-zero']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'datasets', 'ray'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_training_arguments_as_json_are_a_recipe(tunewell: Run, tmp_path: Path) -> None:
    arguments = tmp_path / "args.json"
    arguments.write_text(
        '{"learning_rate": 1e-7, "num_train_epochs": 3, "per_device_train_batch_size": 16}',
        encoding="utf-8",
    )
    ended = tunewell("check", arguments, SAMPLE / "train.csv", "--output-format", "json")
    document = Document.from_json(ended.out)
    assert "HYP001" in {finding.code for finding in document.findings}
    assert any("TrainingArguments" in thing.reason for thing in document.examined)
