"""DAT115 decoder-not-shifted."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.decoder_not_shifted import decoder_not_shifted
from tunewell.preflight import targets
from tunewell.testing import CheckCases, run_check

BOS, START = 0, 3


def by_hand(out: Path, *, shift: bool) -> Thing:
    """A collator that makes the decoder's inputs itself."""
    from transformers import DataCollatorForSeq2Seq

    class Own(DataCollatorForSeq2Seq):
        def __call__(self, features: Thing, return_tensors: Thing = None) -> Thing:
            batch = super().__call__(features, return_tensors)
            given = batch["labels"].masked_fill(batch["labels"] == -100, 2)
            if shift:
                given = given.roll(1, dims=1)
                given[:, 0] = 2
            batch["decoder_input_ids"] = given
            return batch

    return tasks.translator(out, collator=Own(tiny.tokenizer()))


@pytest.mark.reproduces("D40", "D50")
class TestDecoderNotShifted(CheckCases):
    """Real T5 and Whisper."""

    check = decoder_not_shifted
    faulty = Live(
        targets.PROBE,
        inputs_equal_to_labels=lambda out: by_hand(out, shift=False),
        start_token_doubled=lambda out: tasks.transcriber(out, cut=BOS),
    )
    nearly = Live(
        targets.PROBE,
        shifted_by_hand=lambda out: by_hand(out, shift=True),
        start_token_cut=lambda out: tasks.transcriber(out, cut=START),
    )
    clean = Live(targets.PROBE, labels_only=tasks.translator)

    def test_whisper_really_puts_it_in_front(self, tmp_path: Path) -> None:
        """The fault is in the library's own shift, not only in the labels."""
        from transformers.models.whisper.modeling_whisper import shift_tokens_right

        trainer = tasks.transcriber(tmp_path, cut=BOS)
        batch = trainer.data_collator([trainer.train_dataset[0]])
        given = shift_tokens_right(batch["labels"], 2, START)
        assert given[0, :2].tolist() == [START, START]
        said = run_check(decoder_not_shifted, self.faulty["start token doubled"]).findings[0]
        assert "begin with the decoder's start token (3)" in said.message
