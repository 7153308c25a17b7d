"""`tunewell check` on files that TRL would train from: its own trainer is built and rehearsed."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run
from tests.preflight import tiny

SETTINGS = """\
# The first run.
model_name_or_path: ./model
dataset_name: ./train.jsonl
learning_rate: 2.0e-4
per_device_train_batch_size: 4
num_train_epochs: 30
use_peft: true
lora_target_modules: all-linear
assistant_only_loss: true
output_dir: out
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a user has it: settings, chats, and a model without its weights."""
    from tunewell.train.quiet import quiet

    with quiet(1):
        tokens = tiny.tokenizer(eos_token="<|im_end|>")
        tokens.save_pretrained(tmp_path / "model")
        config = tiny.causal().config
        config.eos_token_id = tokens.eos_token_id
        config.architectures = ["LlamaForCausalLM"]
        config.save_pretrained(tmp_path / "model")
    rows = "\n".join(json.dumps(row) for row in tiny.chats(60))
    (tmp_path / "train.jsonl").write_text(rows + "\n")
    (tmp_path / "sft.yaml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def document(tunewell: Run, *arguments: object) -> dict[str, Any]:
    ended = tunewell("check", "--output-format", "json", *arguments)
    assert ended.status in {0, 1}, ended.err
    told: dict[str, Any] = json.loads(ended.out)
    return told


def codes(told: dict[str, Any], part: str = "findings") -> set[str]:
    return {entry["code" if part == "findings" else "check"] for entry in told[part]}


def test_a_healthy_configuration_without_weights(tunewell: Run, project: Path) -> None:
    told = document(tunewell, "sft.yaml")
    serious = [f for f in told["findings"] if f["severity"] != "info"]
    assert not serious
    assert {"DAT082", "DAT083", "FIT005"} <= codes(told, "passed")
    assert "needs the model's real weights" in str(told["not_run"])
    assert not told["broken"]
    assert sorted(path.name for path in project.iterdir()) == ["model", "sft.yaml", "train.jsonl"]


def test_a_length_that_cuts_every_answer(tunewell: Run, project: Path) -> None:
    (project / "sft.yaml").write_text(SETTINGS + "max_length: 14\n")
    told = document(tunewell, "sft.yaml")
    worst = told["findings"][0]
    assert worst["code"] in {"DAT082", "DAT083", "DAT123"}, worst["message"]
    assert worst["severity"] == "error"


def test_what_trl_refuses_is_said(tunewell: Run, project: Path) -> None:
    (project / "sft.yaml").write_text(SETTINGS + "packing_strategy: sideways\npacking: true\n")
    told = document(tunewell, "sft.yaml")
    assert "TRL refuses to build the trainer" in str(told["not_run"])


def test_rows_have_the_numbers_of_the_file(tunewell: Run, project: Path) -> None:
    rows = tiny.chats(60)
    rows[37]["messages"][0]["content"] = "what " * 150
    (project / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    told = document(tunewell, "sft.yaml", "--show-mask", 2)
    names = [entry["name"] for entry in told["sections"][0]["evidence"]]
    assert "row 37" in names


@pytest.mark.usefixtures("project")
def test_it_can_be_left_out(tunewell: Run) -> None:
    told = document(tunewell, "sft.yaml", "--no-rehearse")
    assert "rehearsal_seconds" not in told["facts"]
    assert "DAT082" in codes(told, "not_run")


def test_the_mask_of_a_data_file(tunewell: Run, project: Path) -> None:
    ended = tunewell("check", "train.jsonl", "--model", project / "model", "--show-mask", 1)
    assert "What is trained on" in ended.out
    assert "[<|im_start|>" in ended.out or "<|im_start|>" in ended.out


def test_settings_of_another_program_are_only_read(tunewell: Run, project: Path) -> None:
    (project / "sft.yaml").unlink()
    (project / "axolotl.yml").write_text(
        "base_model: ./model\nadapter: lora\nlora_target_linear: true\nlearning_rate: 2e-4\n"
        "datasets:\n  - path: ./train.jsonl\n    type: chat_template\nmicro_batch_size: 2\n"
        "gradient_accumulation_steps: 4\nnum_epochs: 3\nsequence_len: 512\n"
    )
    told = document(tunewell, "axolotl.yml")
    assert "rehearsal_seconds" not in told["facts"]
    assert "tunewell run --check-only" in str(told["not_run"])


@pytest.mark.usefixtures("project")
def test_without_torch_the_files_are_checked_all_the_same(
    tunewell: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain install has neither torch nor TRL."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *given: None if name in {"torch", "trl"} else find(name, *given),
    )
    told = document(tunewell, "sft.yaml", "--show-mask", 1)
    reason = "building the trainer needs torch, trl: pip install torch trl"
    assert reason in str(told["not_run"])
    assert told["sections"][0]["text"] == f"not shown: {reason}"
    assert "DAT040" in codes(told, "passed")


@pytest.mark.usefixtures("project")
def test_a_mask_that_cannot_be_shown_says_why(tunewell: Run) -> None:
    ended = tunewell("check", "train.jsonl", "--show-mask", 1)
    assert "not shown: rows are shown as tokens where a trainer can be built" in " ".join(
        ended.out.split()
    )
