"""DAT114 padding-trained-in-targets."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.padding_trained_in_targets import padding_trained_in_targets
from tunewell.preflight import targets, trial
from tunewell.testing import CheckCases, run_check

LONGEST = 14
PAD = 2

LOOKS = (targets.PROBE, trial.PROBE)


def padded(fill: int) -> list[dict[str, Thing]]:
    """Targets of one length, filled up with this label."""
    return [
        {**row, "labels": [*row["labels"], *[fill] * (LONGEST - len(row["labels"]))]}
        for row in tasks.translated()
    ]


def pad_is_end(out: Path) -> Thing:
    """A model whose padding is its end of text: one of them at the end is right."""
    model = tiny.seq2seq()
    model.config.pad_token_id = model.config.decoder_start_token_id = 1
    tokens = tiny.tokenizer(pad="</s>")
    return tasks.translator(out, model=model, tokens=tokens)


@pytest.mark.reproduces("D39")
class TestPaddingTrainedInTargets(CheckCases):
    """Targets of a real T5 and of a real Whisper."""

    check = padding_trained_in_targets
    faulty = Live(
        *LOOKS, padded_by_the_tokenizer=lambda out: tasks.translator(out, rows=padded(PAD))
    )
    nearly = Live(
        *LOOKS,
        padded_with_ignored=lambda out: tasks.translator(out, rows=padded(-100)),
        padding_is_the_end=pad_is_end,
    )
    clean = Live(*LOOKS, padded_by_the_collator=tasks.translator, speech=tasks.transcriber)

    def test_the_share_is_told(self) -> None:
        """As a share of all tokens that count."""
        said = run_check(padding_trained_in_targets, self.faulty["padded by the tokenizer"])
        assert "% of the trained label tokens are padding (token 2)" in said.findings[0].message
