"""DAT047 tags-do-not-fit-tokens."""

from typing import Any

from tunewell.checks.data.tags_do_not_fit_tokens import tags_do_not_fit_tokens
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, rows, run_check


def tagged(*tags: str, tokens: int | None = None) -> dict[str, Any]:
    """A row with these tags and as many tokens, or so many."""
    return {"tokens": ["word"] * (len(tags) if tokens is None else tokens), "ner_tags": list(tags)}


GOOD = tagged("B-PER", "I-PER", "O", "B-LOC")


class TestTagsDoNotFitTokens(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = tags_do_not_fit_tokens
    faulty = {
        "too few": (rows([GOOD, tagged("B-PER", "O", tokens=3)]),),
        "too many": (rows([GOOD, tagged("B-PER", "O", tokens=1)]),),
        "no tokens": (rows([GOOD, GOOD, tagged()]),),
        "numbers": (rows([{"tokens": ["a", "b"], "ner_tags": [0]}] * 2),),
        "inside after outside": (rows([GOOD, GOOD, tagged("O", "I-PER")]),),
        "inside at the beginning": (rows([GOOD, GOOD, tagged("I-PER", "O")]),),
        "inside of another": (rows([GOOD, GOOD, tagged("B-PER", "I-LOC")]),),
    }
    nearly = {
        "the older scheme": (rows([tagged("I-PER", "I-PER", "O"), tagged("I-LOC", "B-LOC")]),),
        "numbers alone": (rows([{"tokens": ["a", "b"], "ner_tags": [1, 2]}]),),
        "parts of speech": (rows([{"tokens": ["a", "b"], "pos_tags": ["I-noun", "VB"]}] * 2),),
        "ends are marked": (rows([tagged("B-PER", "M-PER", "E-PER", "S-LOC")]),),
    }
    clean = {"BIO": (rows([GOOD] * 3),)}


def test_order_alone_is_a_warning() -> None:
    cases = TestTagsDoNotFitTokens.faulty
    found = run_check(tags_do_not_fit_tokens, cases["inside after outside"]).findings
    assert found[0].severity is Severity.WARNING
    assert run_check(tags_do_not_fit_tokens, cases["too few"]).findings[0].severity in {
        None,
        Severity.ERROR,
    }
