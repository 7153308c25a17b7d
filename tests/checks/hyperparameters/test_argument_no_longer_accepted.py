"""HYP010 argument-no-longer-accepted."""

import dataclasses
from pathlib import Path

import pytest
from tests.checks.data.scripts import script
from tests.checks.hyperparameters.recipes import call

from tunewell.checks.hyperparameters.argument_no_longer_accepted import argument_no_longer_accepted
from tunewell.core.finding import RenameKey, Safety
from tunewell.readers.recipes import read_script_recipe
from tunewell.readers.script import read_script
from tunewell.subjects.recipe import Recipe, Written
from tunewell.subjects.versions import Versions
from tunewell.testing import CheckCases, run_check

NOW = Versions({"transformers": "5.23.0", "trl": "1.16.0"})


class TestArgumentNoLongerAccepted(CheckCases):
    """Old names, new names, and old names where the library is old too."""

    check = argument_no_longer_accepted
    faulty = {
        "a renamed argument": (call("TrainingArguments", evaluation_strategy="epoch"), NOW),
        "one of a class that inherits it": (call("SFTConfig", evaluation_strategy="no"), NOW),
        "no version is known": (call("SFTConfig", max_seq_length=512),),
        "a share that stays a share": (call("TrainingArguments", warmup_ratio=0.1), NOW),
        "one that is gone": (call("DPOConfig", max_prompt_length=512), NOW),
        "of a trainer": (call("SFTTrainer", tokenizer="tokenizer"), NOW),
    }
    nearly = {
        "an old library": (
            call("TrainingArguments", evaluation_strategy="epoch"),
            Versions({"transformers": "4.46.3"}),
        ),
        "the embedding trainer still takes it": (
            call("SentenceTransformerTrainingArguments", warmup_ratio=0.1),
            NOW,
        ),
        "axolotl's own name": (call("axolotl", warmup_ratio=0.1, evaluation_strategy="no"), NOW),
        "unsloth takes the old names of TRL": (
            call("SFTConfig", max_seq_length=512),
            script("from unsloth import FastLanguageModel"),
            NOW,
        ),
    }
    clean = {
        "the new names": (
            call("SFTConfig", eval_strategy="epoch", max_length=512, warmup_steps=0.1),
            NOW,
        ),
        "nothing is known of what was written": (Recipe(),),
    }


def test_the_real_library_refuses_the_old_name_and_takes_the_fix(tmp_path: Path) -> None:
    """What the finding says is what happens."""
    from transformers import TrainingArguments

    with pytest.raises(TypeError, match="unexpected keyword argument 'evaluation_strategy'"):
        TrainingArguments(output_dir=str(tmp_path), evaluation_strategy="epoch")
    recipe = call("TrainingArguments", evaluation_strategy="epoch")
    fix = run_check(argument_no_longer_accepted, (recipe, NOW)).findings[0].fixes[0]
    assert fix.safety is Safety.SAFE
    assert fix.edits == (
        RenameKey(
            key="TrainingArguments.evaluation_strategy",
            new="eval_strategy",
            file="train.py",
            line=10,
        ),
    )
    assert TrainingArguments(output_dir=str(tmp_path), eval_strategy="epoch").eval_strategy


def test_the_warm_up_keeps_its_meaning_under_its_new_name(tmp_path: Path) -> None:
    """A share below 1 of `warmup_steps` is the old `warmup_ratio`."""
    from transformers import TrainingArguments

    arguments = TrainingArguments(output_dir=str(tmp_path), warmup_steps=0.1)
    assert arguments.get_warmup_steps(200) == 20


def test_what_is_gone_is_left_to_a_person() -> None:
    """Renamings are one safe fix, the others each one of their own."""
    recipe = call(
        "TrainingArguments", evaluation_strategy="no", overwrite_output_dir=True, no_cuda=True
    )
    found = run_check(argument_no_longer_accepted, (recipe, NOW)).findings[0]
    assert [fix.safety for fix in found.fixes] == [Safety.SAFE, Safety.MANUAL]
    assert found.fixes[0].title == "rename evaluation_strategy to eval_strategy, no_cuda to use_cpu"
    assert "overwrite_output_dir" in found.fixes[1].title
    assert len(found.where) == 3


def test_an_argument_under_both_names_is_not_renamed() -> None:
    """Two of one name would be a syntax error."""
    recipe = call("TrainingArguments", evaluation_strategy="no", eval_strategy="epoch")
    fixes = run_check(argument_no_longer_accepted, (recipe, NOW)).findings[0].fixes
    assert [fix.safety for fix in fixes] == [Safety.MANUAL]
    assert "take out evaluation_strategy" in fixes[0].title


def test_a_value_that_is_not_a_literal_is_renamed_too_where_any_value_stays() -> None:
    """`tokenizer=tokenizer` names a variable."""
    recipe = call("SFTTrainer", tokenizer=None)
    named = dataclasses.replace(recipe.written[0], literal=False)
    recipe = dataclasses.replace(recipe, written=(named,))
    fix = run_check(argument_no_longer_accepted, (recipe, NOW)).findings[0].fixes[0]
    assert fix.safety is Safety.SAFE
    ratio = Written("TrainingArguments", "warmup_ratio", None, named.place, literal=False)
    recipe = dataclasses.replace(recipe, written=(ratio,))
    fix = run_check(argument_no_longer_accepted, (recipe, NOW)).findings[0].fixes[0]
    assert fix.safety is Safety.MANUAL


def test_an_optimizer_that_is_gone(tmp_path: Path) -> None:
    """adamw_hf stands in most tutorials; transformers no longer knows it."""
    from transformers import TrainingArguments

    with pytest.raises(ValueError, match="adamw_hf"):
        TrainingArguments(output_dir=str(tmp_path), optim="adamw_hf")
    recipe = call("TrainingArguments", optim="adamw_hf")
    found = run_check(argument_no_longer_accepted, (recipe, NOW)).findings[0]
    assert "optim='adamw_hf'" in found.message
    assert found.fixes[0].safety is Safety.UNSAFE
    assert TrainingArguments(output_dir=str(tmp_path), optim="adamw_torch").optim


OLD_SCRIPT = """\
from trl import SFTConfig, SFTTrainer

args = SFTConfig(output_dir="out", evaluation_strategy="no", max_seq_length=512)
trainer = SFTTrainer(model="m", args=args, tokenizer=None, train_dataset=None)
"""


def test_a_script_is_read_under_the_names_of_its_classes(tmp_path: Path) -> None:
    """Reader and table mean the same classes, and each place is that of the call."""
    file = tmp_path / "train.py"
    file.write_text(OLD_SCRIPT, encoding="utf-8")
    read = read_script_recipe(file)
    assert read is not None
    found = run_check(argument_no_longer_accepted, (read, read_script(file), NOW)).findings[0]
    assert found.fixes[0].edits == (
        RenameKey(key="SFTConfig.evaluation_strategy", new="eval_strategy", file=str(file), line=3),
        RenameKey(key="SFTConfig.max_seq_length", new="max_length", file=str(file), line=3),
        RenameKey(key="SFTTrainer.tokenizer", new="processing_class", file=str(file), line=4),
    )


def test_a_value_from_the_command_line_changes_nothing(tmp_path: Path) -> None:
    """The name is refused whatever its value will be."""
    path = tmp_path / "train.py"
    path.write_text(
        "import sys\nfrom transformers import Trainer, TrainingArguments\n"
        "args = TrainingArguments('out', max_seq_length=sys.argv[1], per_gpu_train_batch_size=2,\n"
        "    warmup_ratio=float(sys.argv[2]))\n"
        "trainer = Trainer(model, args)\n"
    )
    recipe = read_script_recipe(path)
    assert recipe is not None
    assert "warmup_ratio" in recipe.unknown
    found = run_check(argument_no_longer_accepted, (recipe, NOW)).findings
    assert len(found) == 1
    assert "warmup_ratio" in str(found[0].evidence)
