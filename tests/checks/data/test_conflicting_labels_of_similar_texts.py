"""DAT071 conflicting-labels-of-similar-texts."""

from tunewell.checks.data.conflicting_labels_of_similar_texts import (
    conflicting_labels_of_similar_texts,
)
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows

OTHER = "where is the nearest branch"


def pair(one: str, other: str) -> Dataset:
    """Two texts under two labels, and a third row."""
    return dataset([one, other, OTHER], ["a", "b", "a"])


class TestConflictingLabelsOfSimilarTexts(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = conflicting_labels_of_similar_texts
    faulty = {
        "please": (pair("set a reminder for me", "Please set a reminder for me."),),
        "an article": (pair("the card payment failed", "my card payment failed"),),
        "a short form": (pair("I can't see my top up", "i cannot see my top up"),),
        "a spelling": (pair("payment not recognised here", "payment not recognized here"),),
        "sets of labels": (
            rows(
                [
                    {"text": "set a reminder for me", "labels": ["a", "b"]},
                    {"text": "please set a reminder for me", "labels": ["c"]},
                    {"text": OTHER, "labels": ["a", "c"]},
                ]
            ),
        ),
    }
    nearly = {
        "equal texts: not ours": (pair("set a reminder for me", "Set a reminder for me!"),),
        "not": (pair("i do like this film", "i do not like this film"),),
        "no": (pair("no thank you very much friend", "thank you very much friend"),),
        "a number": (pair("send 20 euros to anna", "send 30 euros to anna"),),
        "a word": (pair("when should i change my oil", "when should i change my tires"),),
        "a question": (pair("did i put bread on my list", "put bread on my list"),),
        "pending or failed": (pair("my card did not arrive", "my card did not arrive yet"),),
        "too short to say": (pair("the card", "my card"),),
        "sets that share a label": (
            rows(
                [
                    {"text": "set a reminder for me", "labels": ["a", "b"]},
                    {"text": "please set a reminder for me", "labels": ["a"]},
                    {"text": OTHER, "labels": ["a", "c"]},
                ]
            ),
        ),
    }
    clean = {
        "agreed": (
            dataset(
                ["set a reminder for me", "please set a reminder for me", "ho"], ["a", "a", "b"]
            ),
        )
    }
