"""DAT086 padding-trained."""

from typing import Any

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.padding_trained import padding_trained
from tunewell.core.finding import Number
from tunewell.testing import CheckCases, run_check


def padded(pad: str, *, attention: bool = True, masked: bool = False) -> live.Subjects:
    """Rows padded while they were tokenised, with the labels copied from the input."""
    from transformers import default_data_collator

    tokens = tiny.tokenizer(pad=pad)
    rows: list[dict[str, Any]] = []
    for text in tiny.sentences(20):
        made = dict(tokens(text + "</s>", padding="max_length", max_length=40))
        labels = list(made["input_ids"])
        if masked:
            known = made["attention_mask"]
            labels = [token if on else -100 for token, on in zip(labels, known, strict=True)]
        if not attention:
            del made["attention_mask"]
        made.pop("token_type_ids", None)
        rows.append({**made, "labels": labels})
    return live.batch(live.trainer(rows, tokens=tokens, collator=default_data_collator))


@pytest.mark.reproduces("D38")
class TestPaddingTrained(CheckCases):
    """Rows padded to one length by the tokenizer."""

    check = padding_trained
    faulty = live.Cases(
        labels_copied=lambda: padded("<pad>"),
        padding_is_the_end_token=lambda: padded("</s>"),
        no_attention_mask=lambda: padded("<pad>", attention=False),
    )
    nearly = live.Cases(
        labels_masked=lambda: padded("<pad>", masked=True),
        end_token_trained_padding_not=lambda: padded("</s>", masked=True),
    )
    clean = live.Cases(
        padded_by_TRL=lambda: live.batch(tiny.sft(live.OUT, tokens=tiny.tokenizer(pad="</s>"))),
        padded_free=lambda: live.batch(
            tiny.sft(live.OUT, packing=True, max_length=128, pad_to_multiple_of=64)
        ),
    )


def test_how_much_of_the_loss_is_padding() -> None:
    (finding,) = run_check(padding_trained, TestPaddingTrained.faulty["labels copied"]).findings
    number = finding.evidence[0]
    assert isinstance(number, Number)
    assert number.value is not None
    assert 50 < number.value < 95
