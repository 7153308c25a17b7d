"""DAT058 degenerate-pairs."""

from tunewell.checks.data.degenerate_pairs import degenerate_pairs
from tunewell.testing import CheckCases, rows

TRIPLE = {"anchor": "red shoes", "positive": "scarlet shoes", "negative": "a blue hat"}
OTHER = {"anchor": "green tea", "positive": "tea, green", "negative": "black coffee"}


def pair(one: str, other: str, score: float) -> dict[str, object]:
    """A scored pair."""
    return {"sentence1": one, "sentence2": other, "score": score}


UNLIKE = pair("a dog", "a cat", 0.1)
ALIKE = pair("a dog", "one dog", 0.9)


class TestDegeneratePairs(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = degenerate_pairs
    faulty = {
        "negative is the anchor": (rows([TRIPLE, {**OTHER, "negative": "Green tea!"}]),),
        "negative is the positive": (rows([TRIPLE, {**OTHER, "negative": "tea, green"}]),),
        "equal and unlike": (rows([UNLIKE, ALIKE, pair("A man.", "a man", 0.0)]),),
        "positive is the anchor": (rows([TRIPLE, OTHER, {**TRIPLE, "anchor": "Scarlet shoes"}]),),
    }
    nearly = {
        "equal and alike": (rows([UNLIKE, ALIKE, pair("A man.", "a man", 1.0)]),),
        "SimCSE": (rows([{"anchor": f"text {at}", "positive": f"text {at}"} for at in range(9)]),),
        "inference": (
            rows(
                [
                    {"premise": "a man", "hypothesis": "a man", "label": 0},
                    {"premise": "a man", "hypothesis": "a woman", "label": 2},
                ]
            ),
        ),
        "one word apart": (rows([{**TRIPLE, "negative": "red shoe"}, OTHER]),),
    }
    clean = {"triples": (rows([TRIPLE, OTHER]),), "scores": (rows([UNLIKE, ALIKE]),)}
