"""DAT090 token-without-vector."""

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.token_without_vector import token_without_vector
from tunewell.core.finding import Severity
from tunewell.preflight import vectors
from tunewell.testing import CheckCases, run_check


def padded(*, resized: bool = False, used: bool = True, room: int = 0) -> live.Subjects:
    """A padding token that was added to a tokenizer, and a model that was resized or not."""
    tokens = tiny.tokenizer()
    model = tiny.causal(len(tokens) + room)
    tokens.add_special_tokens({"pad_token": "[PAD]"})
    if resized:
        model.resize_token_embeddings(len(tokens))
    texts = tiny.sentences(20) if used else [tiny.sentences(1)[0]] * 20
    rows = live.plain_rows([text + "</s>" for text in texts], tokens)
    collator = live.masking_by_token(tokens)
    trainer = live.trainer(rows, tokens=tokens, model=model, collator=collator)
    return live.with_probes(trainer, vectors.PROBE)


@pytest.mark.reproduces("D41")
class TestTokenWithoutVector(CheckCases):
    """The classic: a new padding token without a resized embedding."""

    check = token_without_vector
    faulty = live.Cases(
        not_resized=padded,
        not_resized_and_not_met=lambda: padded(used=False),
    )
    nearly = live.Cases(room_in_the_embedding=lambda: padded(room=12))
    clean = live.Cases(resized=lambda: padded(resized=True))


def test_a_tokenizer_that_is_only_larger_is_a_warning() -> None:
    subjects = TestTokenWithoutVector.faulty["not resized and not met"]
    (finding,) = run_check(token_without_vector, subjects).findings
    assert finding.severity is Severity.WARNING


def test_training_stops_as_the_page_says() -> None:
    tokens = tiny.tokenizer()
    with pytest.raises(IndexError, match="index out of range in self"):
        tiny.train(
            live.trainer(live.plain_rows(["a dog"] * 8), model=tiny.causal(20), tokens=tokens,
                         collator=live.masking_by_token(tokens))
        )  # fmt: skip
