"""The changed recipe as a diff, and everything written beside the user's files and taken back."""

import json
from pathlib import Path

import pytest
import yaml

from tunewell.api.fit import changed_recipe, write_fit
from tunewell.core.errors import UserError
from tunewell.core.finding import SetKey
from tunewell.fixes.undo import undo
from tunewell.plan.launch import Cloud, Layout, launch_edits, launch_files
from tunewell.plan.moves import move, rewritten
from tunewell.plan.step import Step
from tunewell.readers.recipes import read_config, read_recipe, read_script_recipe
from tunewell.subjects.recipe import Recipe

YAML = """# ours
base_model: Qwen/Qwen2.5-7B
datasets:
  - path: a.jsonl
micro_batch_size: 8   # as many as fit
gradient_accumulation_steps: 2
num_epochs: 1
learning_rate: 1e-5
"""
SCRIPT = """from transformers import TrainingArguments

args = TrainingArguments("out", per_device_train_batch_size=8, gradient_accumulation_steps=2)
"""
STEP = Step(config={}, batch=8, accumulation=2, weights="fp32", autocast="bf16")
LAYOUT = Layout(command=("run.fixed.yaml",), gpus=4, strategy="zero3")


def fewer_rows(recipe: Recipe) -> tuple[SetKey, ...]:
    after = move("smaller-micro-batch").apply(STEP)
    assert after is not None
    told = rewritten(recipe, STEP, after)
    assert told is not None
    return told.edits


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text(YAML)
    return path


def test_the_diff_shows_what_changes_and_nothing_is_written(run: Path) -> None:
    (changed,) = changed_recipe(read_config(run), fewer_rows(read_config(run)))
    assert changed.diff == (
        "--- run.yaml\n"
        "+++ run.fixed.yaml\n"
        "@@ -2,7 +2,7 @@\n"
        " base_model: Qwen/Qwen2.5-7B\n"
        " datasets:\n"
        "   - path: a.jsonl\n"
        "-micro_batch_size: 8   # as many as fit\n"
        "-gradient_accumulation_steps: 2\n"
        "+micro_batch_size: 4   # as many as fit\n"
        "+gradient_accumulation_steps: 4\n"
        " num_epochs: 1\n"
        " learning_rate: 1e-5\n"
    )
    assert changed.done == 2
    assert [path.name for path in run.parent.iterdir()] == ["run.yaml"]


def test_all_is_written_beside_and_undone(run: Path) -> None:
    recipe = read_config(run)
    edits = (*fewer_rows(recipe), *launch_edits(recipe, LAYOUT))
    files = launch_files(recipe, LAYOUT, cloud=Cloud())
    lines = write_fit(changed_recipe(recipe, edits), files, run.parent)
    assert len(lines) == 4
    assert run.read_text() == YAML
    fixed = yaml.safe_load((run.parent / "run.fixed.yaml").read_text())
    assert fixed["micro_batch_size"] == 4
    assert fixed["deepspeed"] == "deepspeed.json"
    assert json.loads((run.parent / "deepspeed.json").read_text())["zero_optimization"]
    assert "run.fixed.yaml" in (run.parent / "launch.sh").read_text()
    gone = {path.name for path in undo(run.parent)}
    assert gone == {"run.fixed.yaml", "run.fixed.diff", "deepspeed.json", "launch.sh",
                    "task.sky.yaml"}  # fmt: skip
    assert [path.name for path in run.parent.iterdir()] == ["run.yaml"]


def test_it_can_be_written_again(run: Path) -> None:
    recipe = read_config(run)
    for _ in range(2):
        write_fit(changed_recipe(recipe, fewer_rows(recipe)), launch_files(recipe, LAYOUT),
                  run.parent)  # fmt: skip
    assert len(undo(run.parent)) == 4


def test_a_file_of_the_user_is_not_overwritten(run: Path) -> None:
    (run.parent / "launch.sh").write_text("mine")
    recipe = read_config(run)
    with pytest.raises(UserError, match=r"launch\.sh: is there already"):
        write_fit(changed_recipe(recipe, fewer_rows(recipe)), launch_files(recipe, LAYOUT),
                  run.parent)  # fmt: skip
    assert {path.name for path in run.parent.iterdir()} == {"launch.sh", "run.yaml"}
    assert (run.parent / "launch.sh").read_text() == "mine"


def test_a_script(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    recipe = read_script_recipe(path)
    (changed,) = changed_recipe(recipe, fewer_rows(recipe))
    assert "per_device_train_batch_size=4, gradient_accumulation_steps=4)" in changed.new
    assert changed.target.name == "train.fixed.py"


def test_a_recipe_of_tunewells_own(tmp_path: Path) -> None:
    path = tmp_path / "tunewell.toml"
    path.write_text("[recipe]\nper_device_train_batch_size = 8  # ours\n")
    recipe = read_recipe({"per_device_train_batch_size": 8}, path)
    (changed,) = changed_recipe(recipe, fewer_rows(recipe))
    assert "per_device_train_batch_size = 4  # ours" in changed.new
    assert "gradient_accumulation_steps = 4" in changed.new
    (line,) = write_fit((changed,), (), tmp_path)
    assert line.startswith(f"{tmp_path / 'tunewell.fixed.toml'}: 2 settings changed")


def test_what_has_no_place_is_told(run: Path) -> None:
    recipe = read_config(run)
    wrong = SetKey(path="micro_batch_size.x", old=None, new=1, file=str(run),
                   key="micro_batch_size.x")  # fmt: skip
    changed = changed_recipe(recipe, [wrong])
    lines = write_fit(changed, (), run.parent)
    assert len(lines) == 1
    assert lines[0].endswith("change it by hand")
    assert [path.name for path in run.parent.iterdir()] == ["run.yaml"]


def test_a_last_line_without_a_break_is_shown_so(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(YAML.rstrip("\n").replace("learning_rate", "weight_decay"))
    recipe = read_config(path)
    edit = SetKey(path="weight_decay", old=1e-5, new=0.1, file=str(path), key="weight_decay")
    (changed,) = changed_recipe(recipe, [edit])
    assert changed.diff.endswith(
        "-weight_decay: 1e-5\n\\ No newline at end of file\n"
        "+weight_decay: 0.1\n\\ No newline at end of file\n"
    )
