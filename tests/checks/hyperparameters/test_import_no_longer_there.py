"""HYP011 import-no-longer-there."""

import pytest
from tests.checks.data.scripts import script

from tunewell.checks.hyperparameters.import_no_longer_there import import_no_longer_there
from tunewell.subjects.versions import Versions
from tunewell.testing import CheckCases, run_check

NOW = Versions({"transformers": "5.23.0", "trl": "1.16.0"})
COLLATOR = script("from trl import SFTTrainer, DataCollatorForCompletionOnlyLM")


class TestImportNoLongerThere(CheckCases):
    """What is gone, what is there, and what was still there."""

    check = import_no_longer_there
    faulty = {
        "the collator of old tutorials": (COLLATOR, NOW),
        "no version is known": (COLLATOR,),
        "a metric": (script("from datasets import load_dataset, load_metric"), NOW),
        "from a part of the package": (
            script("from trl.trainer.utils import ConstantLengthDataset"),
            NOW,
        ),
    }
    nearly = {
        "an old library": (COLLATOR, Versions({"trl": "0.15.2"})),
        "the script has thought of it": (
            script("try:\n    from transformers import AdamW\nexcept ImportError:\n    pass"),
            NOW,
        ),
        "a name of the same kind elsewhere": (
            script("from trl import SFTTrainer\nfrom mine import PPOTrainer"),
            NOW,
        ),
    }
    clean = {
        "what is there": (script("from trl import SFTConfig, SFTTrainer"), NOW),
        "another script": (script("import numpy"), NOW),
    }


def test_the_real_import_fails() -> None:
    """And the finding says what to do instead."""
    with pytest.raises(ImportError, match="DataCollatorForCompletionOnlyLM"):
        exec(compile(COLLATOR.tree, "train.py", "exec"), {})  # noqa: S102  the case itself
    found = run_check(import_no_longer_there, (COLLATOR, NOW)).findings[0]
    assert "trl has no DataCollatorForCompletionOnlyLM since trl 0.20" in found.message
    assert "assistant_only_loss" in found.fixes[0].title
