"""DAT094 prompt-merges-with-answer."""

from typing import Any

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.prompt_merges_with_answer import prompt_merges_with_answer
from tunewell.core.finding import Tokens
from tunewell.testing import CheckCases, run_check


def pairs(prompt_ends: str, answer_begins: str) -> list[dict[str, Any]]:
    said = tiny.sentences(40)
    return [
        {"prompt": f"{said[i]}{prompt_ends}", "completion": f"{answer_begins}{said[i + 20]}"}
        for i in range(20)
    ]


def supervised(rows: list[dict[str, Any]], **settings: object) -> live.Subjects:
    return live.batch(tiny.sft(live.OUT, rows=rows, assistant_only_loss=False, **settings))


@pytest.mark.reproduces("D14")
class TestPromptMergesWithAnswer(CheckCases):
    """White space at the end of the prompt, and in front of the answer."""

    check = prompt_merges_with_answer
    faulty = live.Cases(
        a_space_at_the_end=lambda: supervised(pairs(" ", "")),
        half_a_word=lambda: supervised(pairs(" sl", "eeps ")),
    )
    nearly = live.Cases(
        a_space_in_front=lambda: supervised(pairs("", " ")),
        a_line_break=lambda: supervised(pairs("\n", "")),
        a_space_at_the_end_cut_off=lambda: supervised(pairs(" ", ""), max_length=6),
    )
    clean = live.Cases(
        a_colon=lambda: supervised(pairs(":", " ")),
        with_BOS=lambda: supervised(pairs("\n", ""), tokens=tiny.tokenizer(bos=True)),
    )


def test_the_token_is_shown() -> None:
    subjects = TestPromptMergesWithAnswer.faulty["a space at the end"]
    (finding,) = run_check(prompt_merges_with_answer, subjects).findings
    shown = next(e for e in finding.evidence if isinstance(e, Tokens))
    assert any(piece.startswith(" ") for piece in shown.pieces)
