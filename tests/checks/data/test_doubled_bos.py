"""DAT087 doubled-bos."""

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.doubled_bos import doubled_bos
from tunewell.testing import CheckCases


def rendered(beginning: str, *, bos: bool, packing: bool = False) -> live.Subjects:
    """Texts that were made with a template beforehand, in TRL."""
    rows = [{"text": beginning + text} for text in tiny.sentences(24)]
    more = {"packing": True, "max_length": 64} if packing else {}
    return live.batch(
        tiny.sft(
            live.OUT, rows=rows, tokens=tiny.tokenizer(bos=bos), assistant_only_loss=False, **more
        )
    )


@pytest.mark.reproduces("D04")
class TestDoubledBos(CheckCases):
    """Texts with and without the token, and tokenizers that put it in front or do not."""

    check = doubled_bos
    faulty = live.Cases(
        in_the_text_and_by_the_tokenizer=lambda: rendered("<s>", bos=True),
        packed=lambda: rendered("<s>", bos=True, packing=True),
    )
    nearly = live.Cases(
        in_the_text_alone=lambda: rendered("<s>", bos=False),
        by_the_tokenizer_alone=lambda: rendered("", bos=True),
        of_chats_with_a_template_that_writes_it=lambda: live.batch(
            tiny.sft(
                live.OUT, tokens=tiny.tokenizer(template="{{ bos_token }}" + tiny.CHATML, bos=True)
            )
        ),
    )
    clean = live.Cases(none_at_all=lambda: rendered("", bos=False))
