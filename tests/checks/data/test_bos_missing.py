"""DAT092 bos-missing."""

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.bos_missing import bos_missing
from tunewell.testing import CheckCases


def chats(template: str, *, bos: bool) -> live.Subjects:
    return live.batch(tiny.sft(live.OUT, tokens=tiny.tokenizer(template=template, bos=bos)))


def pieces() -> live.Subjects:
    """Pieces of a stream that do not begin with BOS."""
    ids = tiny.tokenizer()(" ".join(tiny.sentences(100)))["input_ids"]
    rows = [{"input_ids": ids[a : a + 32], "labels": ids[a : a + 32]} for a in range(0, 640, 32)]
    return live.batch(live.trainer(rows, tokens=tiny.tokenizer(bos=True)))


@pytest.mark.reproduces("D05")
class TestBosMissing(CheckCases):
    """Templates with and without BOS, for tokenizers that add it and that do not."""

    check = bos_missing
    faulty = live.Cases(a_template_without_it=lambda: chats(tiny.CHATML, bos=True))
    nearly = live.Cases(
        a_tokenizer_that_adds_none=lambda: chats(tiny.CHATML, bos=False),
        pieces_of_a_stream=pieces,
    )
    clean = live.Cases(
        a_template_with_it=lambda: chats("{{ bos_token }}" + tiny.CHATML, bos=True),
        texts=lambda: live.batch(
            tiny.sft(
                live.OUT,
                rows=[{"text": text} for text in tiny.sentences(20)],
                tokens=tiny.tokenizer(bos=True),
                assistant_only_loss=False,
            )
        ),
    )
