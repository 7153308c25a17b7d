"""HYP026 defaults-changed-since-written."""

from pathlib import Path
from typing import Any

import pytest
from tests.checks.data.scripts import script
from tests.checks.hyperparameters.recipes import call

from tunewell.checks.hyperparameters.defaults_changed_since_written import (
    defaults_changed_since_written,
)
from tunewell.core.finding import Table
from tunewell.knowledge.renames import Default, defaults
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.versions import Versions
from tunewell.testing import CheckCases, run_check

NOW = Versions({"transformers": "5.23.0", "trl": "1.16.0"})


class TestDefaultsChangedSinceWritten(CheckCases):
    """A recipe of an older version, and one that is up to date."""

    check = defaults_changed_since_written
    faulty = {
        "of the time of max_seq_length": (call("SFTConfig", max_seq_length=512), NOW),
        "of the time of max_prompt_length": (call("GRPOConfig", max_prompt_length=256), NOW),
        "of transformers 4": (call("TrainingArguments", evaluation_strategy="no"), NOW),
    }
    nearly = {
        "what changed is written out": (
            call(
                "SFTConfig",
                max_seq_length=512,
                gradient_checkpointing=False,
                packing_strategy="bfd",
            ),
            NOW,
        ),
        "unsloth takes the old names": (
            call("SFTConfig", max_seq_length=512),
            script("import unsloth"),
            NOW,
        ),
        "the library is old too": (
            call("SFTConfig", max_seq_length=512),
            Versions({"transformers": "4.46.0", "trl": "0.15.0"}),
        ),
        "nothing changed since": (
            call("DPOConfig", label_pad_token_id=-100, truncation_mode="keep_end"),
            NOW,
        ),
    }
    clean = {"up to date": (call("SFTConfig", max_length=512), NOW), "unknown": (Recipe(),)}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", defaults(), ids=lambda row: f"{row.owner}.{row.argument}")
def test_the_new_default_is_that_of_the_installed_class(row: Default, tmp_path: Path) -> None:
    """Every row of the table, against the real class."""
    import transformers
    import trl

    owner: Any = getattr(transformers, row.owner, None) or getattr(trl, row.owner)
    found = owner.__dataclass_fields__[row.argument].default
    if row.argument == "bf16":
        assert found is None
        assert owner(output_dir=str(tmp_path), use_cpu=True).bf16
    elif row.argument == "gradient_checkpointing":
        # An alias since 5.23; what counts is what the arguments amount to.
        assert owner(output_dir=str(tmp_path), use_cpu=True, bf16=False).gradient_checkpointing
    else:
        assert str(found) == row.new


def test_the_table_names_what_was_and_what_is() -> None:
    """For a run of GRPO that was written before 0.28."""
    recipe = call("GRPOConfig", max_prompt_length=256)
    found = run_check(defaults_changed_since_written, (recipe, NOW)).findings[0]
    table = found.evidence[0]
    assert isinstance(table, Table)
    assert ("vllm_mode", "server", "colocate", "trl 1.0") in [row[:4] for row in table.rows]
