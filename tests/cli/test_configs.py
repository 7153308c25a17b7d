"""`tunewell check` over configurations and scripts of other programs."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from tunewell.core.document import Document

ROWS = "".join(
    json.dumps({"text": f"the {word} number {n} is here", "label": word}) + "\n"
    for n in range(60)
    for word in ("red", "blue")
)
CHATS = "".join(
    json.dumps(
        {
            "messages": [
                {"role": "user", "content": f"What is {n} and {n}?"},
                {"role": "assistant", "content": f"It is {2 * n}, as is known."},
            ]
        }
    )
    + "\n"
    for n in range(60)
)
ARGUMENTS = """# slow on purpose
num_train_epochs: 3
learning_rate: 1.0e-9   # far too low
per_device_train_batch_size: 16
"""
SCRIPT = """from datasets import load_dataset
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments

data = load_dataset("json", data_files={"train": "rows.jsonl"})
model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased")
args = TrainingArguments(
    "out",
    learning_rate=1e-9,  # far too low
    num_train_epochs=3,
)
Trainer(model=model, args=args, train_dataset=data["train"]).train()
"""
AXOLOTL = """base_model: some/model
datasets:
  - path: chats.jsonl
    type: chat_template
micro_batch_size: 2
num_epochs: 2
learning_rate: 0.0001
sequence_len: 2048
"""


def examined(run: Run, *arguments: object) -> tuple[Document, dict[str, str]]:
    ended = run("check", *arguments, "--output-format", "json", "--exit-zero")
    document = Document.from_json(ended.out)
    return document, {thing.what: thing.path for thing in document.examined}


def test_a_configuration_is_examined(tunewell: Run, tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text(ARGUMENTS)
    (tmp_path / "rows.jsonl").write_text(ROWS)
    for arguments in (
        (tmp_path,),
        (tmp_path / "train.yaml", tmp_path / "rows.jsonl"),
        ("--config", tmp_path / "train.yaml", "--train", tmp_path / "rows.jsonl"),
    ):
        document, things = examined(tunewell, *arguments)
        assert things["recipe"] == str(tmp_path / "train.yaml")
        assert "training data" in things
        rate = next(f for f in document.findings if f.code == "HYP001")
        assert rate.where[0].line == 3  # type: ignore[union-attr]


def test_data_that_a_configuration_names_is_the_training_data(
    tunewell: Run, tmp_path: Path
) -> None:
    (tmp_path / "axolotl.yml").write_text(AXOLOTL)
    (tmp_path / "chats.jsonl").write_text(CHATS)
    document, things = examined(tunewell, tmp_path / "axolotl.yml")
    assert things["training data"] == str(tmp_path / "chats.jsonl")
    assert any("some/model" in outcome.reason for outcome in document.not_run)


def test_a_script_is_examined_with_its_data(tunewell: Run, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "rows.jsonl").write_text(ROWS)
    document, things = examined(tunewell, tmp_path / "train.py")
    assert things["training data"] == str(tmp_path / "rows.jsonl")
    assert things["recipe"] == str(tmp_path / "train.py")
    assert "HYP001" in {finding.code for finding in document.findings}


def test_settings_of_tunewell_go_first_and_a_configuration_before_a_script(
    tunewell: Run, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "train.yaml").write_text(ARGUMENTS)
    assert examined(tunewell, tmp_path)[1]["recipe"] == str(tmp_path / "train.yaml")
    (tmp_path / "tunewell.toml").write_text("[recipe]\nlearning_rate = 2e-5\n")
    assert examined(tunewell, tmp_path)[1]["recipe"] == str(tmp_path / "tunewell.toml")


def test_files_that_start_a_run_are_read_with_it(tunewell: Run, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "fsdp.yaml").write_text(
        "compute_environment: LOCAL_MACHINE\ndistributed_type: FSDP\nnum_processes: 2\n"
        "fsdp_config: {fsdp_version: 2}\n"
    )
    document, things = examined(tunewell, tmp_path)
    assert things["recipe"] == str(tmp_path / "train.py")
    assert any("with fsdp.yaml" in thing.reason for thing in document.examined)


@pytest.mark.parametrize("name", ["train.yaml", "train.py"])
def test_a_fix_is_written_beside_and_taken_back(tunewell: Run, tmp_path: Path, name: str) -> None:
    text = ARGUMENTS if name.endswith("yaml") else SCRIPT
    file, rows = tmp_path / name, tmp_path / "rows.jsonl"
    file.write_text(text)
    rows.write_text(ROWS)
    arguments = ("check", file, rows, "--exit-zero", "--fix", "--select", "HYP001")
    assert not tunewell(*arguments).err.strip()  # it changes what is learned
    ended = tunewell(*arguments, "--unsafe-fixes")
    fixed = file.with_name(f"{file.stem}.fixed{file.suffix}")
    assert f"{fixed}: 1 setting changed" in ended.err
    old, new = text.splitlines(), fixed.read_text().splitlines()
    changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    assert len(changed) == 1
    assert "far too low" in changed[0][1]
    assert "far too low" in (tmp_path / f"{file.stem}.fixed.diff").read_text()
    assert file.read_text() == text
    tunewell("undo", tmp_path)
    assert not fixed.exists()


def test_one_sentence_for_what_cannot_be_used(tunewell: Run, tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text("num_train_epochs: 3\nlearning_rate: fast\n")
    for arguments in ((file,), ("--config", file)):
        ended = tunewell("check", *arguments)
        assert ended.status == 2
        assert f"{file}:2: learning_rate: must be a number, not 'fast'" in ended.err
        assert "Traceback" not in ended.err
    file.write_text("num_train_epochs: 3\n\tlearning_rate: 1\n")
    ended = tunewell("check", file)
    assert ended.status == 2
    assert "line 2" in ended.err


def test_a_damaged_configuration_in_a_folder_stops_nothing(tunewell: Run, tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text("num_train_epochs: 3\nlearning_rate: [\n")
    (tmp_path / "rows.jsonl").write_text(ROWS)
    document, things = examined(tunewell, tmp_path)
    assert "training data" in things
    assert any("is not valid YAML" in outcome.reason for outcome in document.not_run)


def test_a_configuration_that_is_not_there(tunewell: Run, tmp_path: Path) -> None:
    ended = tunewell("check", "--config", tmp_path / "none.yaml")
    assert ended.status == 2
    assert "no such file" in ended.err


def test_other_yaml_is_no_configuration(tunewell: Run, tmp_path: Path) -> None:
    (tmp_path / "ci.yaml").write_text("on: push\njobs: {}\n")
    (tmp_path / "rows.jsonl").write_text(ROWS)
    _, things = examined(tunewell, tmp_path)
    assert "config" not in things
    assert "recipe" not in things


def test_a_script_that_leaves_a_setting_open_is_not_judged_by_the_default(
    tunewell: Run, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(SCRIPT.replace("1e-9", "settings.rate"))
    (tmp_path / "rows.jsonl").write_text(ROWS)
    document, _ = examined(tunewell, tmp_path / "train.py")
    assert "HYP001" not in {finding.code for finding in document.findings}


def test_what_trains_takes_settings_of_its_own(tunewell: Run, tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(ARGUMENTS)
    ended = tunewell("train", tmp_path, "--config", file)
    assert ended.status == 2
    assert "a configuration of another program is examined by tunewell check" in ended.err


def test_settings_may_have_another_name(tunewell: Run, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(ROWS)
    (tmp_path / "tunewell.toml").write_text("[recipe]\nlearning_rate = 3e-5\n")
    (tmp_path / "other.toml").write_text("[recipe]\nlearning_rate = 1e-9\n")
    _, things = examined(tunewell, tmp_path, "--config", tmp_path / "other.toml")
    assert things["recipe"] == str(tmp_path / "other.toml")
