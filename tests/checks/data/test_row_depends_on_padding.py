"""DAT122 row-depends-on-padding."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.row_depends_on_padding import row_depends_on_padding
from tunewell.preflight import alone, trial
from tunewell.testing import CheckCases, run_check

LOOKS = (trial.PROBE, alone.PROBE)


def decoder(out: Path, pad: int | None, **settings: Thing) -> Thing:
    model = tasks.scorer(num_labels=3, pad_token_id=pad)
    return tasks.classifier(out, model=model, **settings)


def without_mask(out: Path) -> Thing:
    from transformers import DataCollatorWithPadding

    class Forgets(DataCollatorWithPadding):
        def __call__(self, rows: Thing) -> Thing:
            batch = super().__call__(rows)
            batch.pop("attention_mask")
            return batch

    return tasks.classifier(out, collator=Forgets(tiny.tokenizer()))


@pytest.mark.reproduces("E11", "E12")
class TestRowDependsOnPadding(CheckCases):
    """Real decoders with a head, padded by a real tokenizer."""

    check = row_depends_on_padding
    faulty = Live(
        *LOOKS,
        no_padding_token=lambda out: decoder(out, None, without_tokenizer=True),
        another_padding_token=lambda out: decoder(out, 7, without_tokenizer=True),
        no_attention_mask=without_mask,
    )
    nearly = Live(
        *LOOKS,
        # `train` gives the configuration the tokenizer's ids first.
        aligned_by_train=lambda out: decoder(out, 7),
        none_but_aligned=lambda out: decoder(out, None),
        one_row_a_batch=lambda out: decoder(
            out, None, without_tokenizer=True, per_device_train_batch_size=1
        ),
        padded_left=lambda out: decoder(out, 2, tokens=tiny.tokenizer(padding_side="left")),
    )
    clean = Live(
        *LOOKS,
        encoder=tasks.classifier,
        decoder=lambda out: decoder(out, 2),
        reward=tasks.reward,
        tags=tasks.tagger,
    )

    def test_the_cause_is_named(self) -> None:
        """Both ids, or that there is none."""
        said = run_check(row_depends_on_padding, self.faulty["another padding token"]).findings[0]
        assert "padded with token 2, and config.pad_token_id is 7" in said.message
        said = run_check(row_depends_on_padding, self.faulty["no padding token"]).findings[0]
        assert "knows no padding token" in said.message
        said = run_check(row_depends_on_padding, self.faulty["no attention mask"]).findings[0]
        assert "no attention mask" in said.message
