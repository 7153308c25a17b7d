"""What the files of a folder are."""

import json
import shutil
from pathlib import Path

import pytest

from tunewell.core.errors import InputError
from tunewell.readers.recognise import recognise

DATA = "text,label\nhi,a\nho,b\n"
PREDICTIONS = "text,label,prediction\nhi,a,b\n"


def roles(folder: Path) -> dict[str, str]:
    return {str(found.path.relative_to(folder)): found.role for found in recognise([folder])}


def put(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_a_project_folder(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "data/train.csv": DATA, "data/train_old.csv": DATA, "data/dev.csv": DATA,
            "data/test.jsonl": '{"text": "a", "label": "b"}\n',
            "preds/test_out.csv": PREDICTIONS, "tunewell.toml": "", "README.md": "hi",
            "train.py": "from transformers import Trainer", "train.log": "{'loss': 0.1}",
            "args.json": '{"num_train_epochs": 3}', ".venv/x/train.csv": DATA,
            "node_modules/train.csv": DATA,
            "out/checkpoint-5/config.json": "{}", "out/checkpoint-5/model.safetensors": "",
            "out/checkpoint-5/trainer_state.json": "{}",
            "out/checkpoint-10/config.json": "{}", "out/checkpoint-10/model.safetensors": "",
            "out/checkpoint-10/trainer_state.json": "{}",
            "run/events.jsonl": "{}", "lora/adapter_config.json": "{}",
        },
    )  # fmt: skip
    assert roles(tmp_path) == {
        "data/train.csv": "train",
        "data/train_old.csv": "train",
        "data/dev.csv": "eval",
        "data/test.jsonl": "test",
        "preds/test_out.csv": "predictions",
        "tunewell.toml": "config",
        "args.json": "config",
        "train.py": "script",
        "train.log": "text-log",
        "out/checkpoint-10": "model",
        "out/checkpoint-10/trainer_state.json": "log",
        "run": "run",
        "lora": "adapter",
    }
    assert recognise([tmp_path])[0].path == tmp_path / "data" / "train.csv"


def test_the_reason_names_what_was_seen(tmp_path: Path) -> None:
    put(tmp_path, {"my-training.csv": DATA})
    assert recognise([tmp_path])[0].reason == "name contains 'training'; columns text, label"


@pytest.mark.parametrize("given", ["folder", "file"])
def test_a_lone_table_is_trained_on(tmp_path: Path, given: str) -> None:
    put(tmp_path, {"spam.csv": "v1,v2\nham,hello there\nspam,buy now\n", "notes.md": "x"})
    (found,) = recognise([tmp_path if given == "folder" else tmp_path / "spam.csv"])
    assert found.role == "train"


def test_two_nameless_tables_are_not_guessed(tmp_path: Path) -> None:
    put(tmp_path, {"a.csv": DATA, "b.csv": DATA})
    assert set(roles(tmp_path).values()) == {"unknown"}


def test_a_pointer_keeps_the_role_of_its_name(tmp_path: Path) -> None:
    put(tmp_path, {"train.csv": "version https://git-lfs.github.com/spec/v1\n"})
    (found,) = recognise([tmp_path])
    assert found.role == "train"
    assert "Git LFS pointer" in found.reason


def test_repaired_copies_are_not_data(tmp_path: Path) -> None:
    put(tmp_path, {"train.csv": DATA, "train.fixed.csv": DATA})
    assert roles(tmp_path) == {"train.csv": "train", "train.fixed.csv": "unknown"}


def test_a_missing_path_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        recognise([tmp_path / "gone"])


def test_json_rows_are_seen(tmp_path: Path) -> None:
    put(tmp_path, {"train.json": json.dumps([{"text": "a", "label": "b"}])})
    assert roles(tmp_path) == {"train.json": "train"}


def test_configurations_are_told_by_their_keys(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "axolotl.yml": "base_model: x\nmicro_batch_size: 1\n",
            "ds.json": '{"zero_optimization": {"stage": 2}}',
            "broken.yaml": "num_train_epochs: 3\nx: [\n",
            "ci.yaml": "on: push\n", "values.yaml": "{{ helm }}\n", "package.json": '{"name": "x"}',
            "chat.yaml": "model_name_or_path: x\ntemplate: y\ninfer_backend: vllm\n",
        },
    )  # fmt: skip
    found = {f.path.name: (f.role, f.reason) for f in recognise([tmp_path])}
    assert found["axolotl.yml"] == ("config", "settings of axolotl (base_model, micro_batch_size)")
    assert found["ds.json"] == ("config", "settings of DeepSpeed (zero_optimization)")
    assert found["broken.yaml"][0] == "config"
    assert found["broken.yaml"][1].startswith("line 3: is not valid YAML")
    assert {name for name, (role, _) in found.items() if role == "config"} == {
        "axolotl.yml", "ds.json", "broken.yaml",
    }  # fmt: skip


def test_a_named_yaml_says_why_it_is_nothing(tmp_path: Path) -> None:
    put(tmp_path, {"chat.yaml": "model_name_or_path: x\ntemplate: y\ninfer_backend: vllm\n"})
    (found,) = recognise([tmp_path / "chat.yaml"])
    assert found.role == "unknown"
    assert "but not for training" in found.reason


def test_a_watched_run_inside_lightnings_logs_is_found(tmp_path: Path) -> None:
    """In the folder above, too; not where the newest run was not watched."""
    logs = tmp_path / "lightning_logs"
    for version in (1, 2):
        (logs / f"version_{version}").mkdir(parents=True)
    inside = logs / "version_1" / "tunewell"
    inside.mkdir()
    (inside / "events.jsonl").write_text('{"event": "start"}\n')
    assert not [found for found in recognise([tmp_path]) if found.role == "run"]
    shutil.rmtree(logs / "version_2")
    assert [found.path for found in recognise([tmp_path]) if found.role == "run"] == [inside]
