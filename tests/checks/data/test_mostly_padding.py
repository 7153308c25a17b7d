"""DAT120 mostly-padding."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.mostly_padding import mostly_padding
from tunewell.preflight import collate, trial
from tunewell.testing import CheckCases

LOOKS = (collate.PROBE, trial.PROBE)


def lengths(out: Path, *long: int, each: int = 8, **settings: Thing) -> Thing:
    """Rows of 8 tokens, and these among them."""
    sizes = [*long, *[each] * (24 - len(long))]
    rows = [
        {"input_ids": [9] * size, "attention_mask": [1] * size, "labels": at % 3}
        for at, size in enumerate(sizes)
    ]
    chosen = {"per_device_train_batch_size": 12, **settings}
    return tasks.classifier(out, rows=rows, judged=rows[-8:], **chosen)


@pytest.mark.reproduces("D37")
class TestMostlyPadding(CheckCases):
    """Real batches padded to their longest row."""

    check = mostly_padding
    faulty = Live(*LOOKS, one_long_row=lambda out: lengths(out, 128, 128))
    nearly = Live(
        *LOOKS,
        grouped=lambda out: lengths(out, 128, 128, train_sampling_strategy="group_by_length"),
        one_row_a_batch=lambda out: lengths(out, 128, 128, per_device_train_batch_size=1),
        all_short=lambda out: lengths(out, 100, each=3),
        half_as_long=lambda out: lengths(out, *[128] * 12, each=64),
    )
    clean = Live(*LOOKS, alike=tasks.classifier, preferences=tasks.dpo)
