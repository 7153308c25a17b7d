"""DAT017 group-leakage."""

from collections.abc import Mapping, Sequence

import pytest
from tests.checks.stories import stories

from tunewell.checks.data.group_leakage import group_leakage
from tunewell.facts.leakage.group_columns import is_group_name
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check

TEXTS = stories(400, seed=5)[0]
WORDS = " ".join(TEXTS).split()
DOCUMENTS = [WORDS[low : low + 200] for low in range(0, 8000, 200)]
TEMPLATE = (
    "You are a careful assistant of a bank and answer every customer in two short sentences: "
)


def chunks(documents: Sequence[Sequence[str]], overlap: int) -> list[str]:
    """Pieces of 50 words that overlap by so many."""
    step = 50 - overlap
    return [
        " ".join(words[low : low + 50])
        for words in documents
        for low in range(0, len(words) - 50, step)
    ]


def labelled(train: Sequence[str], judged: Sequence[str]) -> Dataset:
    """A data set with labels that do not matter."""
    return dataset(
        train,
        [("a", "b")[row % 2] for row in range(len(train))],
        evaluation=(judged, [("a", "b")[row % 2] for row in range(len(judged))]),
    )


def columns(
    train: Mapping[str, Sequence[object]], judged: Mapping[str, Sequence[object]]
) -> Dataset:
    """A data set of different texts with these further columns."""

    def records(given: Mapping[str, Sequence[object]], first: int) -> list[dict[str, object]]:
        count = len(next(iter(given.values())))
        return [
            {
                "text": TEXTS[first + row],
                "label": ("a", "b")[row % 2],
                **{name: cells[row] for name, cells in given.items()},
            }
            for row in range(count)
        ]

    return rows(records(train, 0), evaluation=records(judged, 200))


ASKED = [
    f"{('how do', 'when can', 'where did')[n % 3]} {('i', 'you', 'they')[n // 3 % 3]} "
    f"{('send', 'find', 'stop')[n // 9 % 3]} {text}"
    for n, text in enumerate(TEXTS)
]
ALL = chunks(DOCUMENTS, overlap=20)


class TestGroupLeakage(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = group_leakage
    faulty = {
        "overlapping pieces, split at random": (labelled(ALL[::2], ALL[1::2]),),
        "a template before them": (
            labelled([TEMPLATE + t for t in ALL[::2]], [TEMPLATE + t for t in ALL[1::2]]),
        ),
        "a document column": (
            columns(
                {"doc_id": [f"contract-{n // 4}" for n in range(120)]},
                {"doc_id": [f"contract-{n}" for n in range(20, 50)]},
            ),
        ),
        "users by number, in any order": (
            columns(
                {"userId": [1000 + 37 * (n // 3) for n in range(120)]},
                {"userId": [1000.0 + 37 * n for n in range(30)]},
            ),
        ),
        "two columns": (
            columns(
                {
                    "author": [f"a{n // 4}" for n in range(120)],
                    "url": [f"https://a.example/{n // 2}" for n in range(120)],
                },
                {
                    "author": [f"a{n}" for n in range(30)],
                    "url": [f"https://a.example/{n}" for n in range(30)],
                },
            ),
        ),
        "a conversation and its continuation": (
            rows(
                [{"instruction": t, "output": "Very well, noted, thank you."} for t in TEXTS[:200]],
                evaluation=[
                    {"instruction": f"{t} And who paid in the end?", "output": "Nobody I know of."}
                    for t in TEXTS[100:180]
                ],
            ),
        ),
    }
    nearly = {
        "pieces, split by document": (labelled(ALL[: len(ALL) // 2], ALL[len(ALL) // 2 :]),),
        "pieces that do not overlap": (
            labelled(chunks(DOCUMENTS, 0)[::2], chunks(DOCUMENTS, 0)[1::2]),
        ),
        "one template": (
            labelled([TEMPLATE + t for t in TEXTS[:200]], [TEMPLATE + t for t in TEXTS[200:]]),
        ),
        "a short template and like beginnings": (
            labelled(
                [f"Answer the customer in two short sentences please: {t}" for t in ASKED[:200]],
                [f"Answer the customer in two short sentences please: {t}" for t in ASKED[200:]],
            ),
        ),
        "one quotation in sixty": (
            labelled(TEXTS[:200], [*TEXTS[200:260], "He wrote: " + TEXTS[0]]),
        ),
        "rows numbered in each file": (
            columns({"doc_id": list(range(120))}, {"doc_id": list(range(60))}),
        ),
        "documents numbered in each file": (
            columns(
                {"doc_id": [n // 4 for n in range(120)]}, {"doc_id": [n // 4 for n in range(60)]}
            ),
        ),
        "few kinds of rows": (
            columns(
                {"group": [f"g{n % 5}" for n in range(120)]},
                {"group": [f"g{n % 5}" for n in range(60)]},
            ),
        ),
        "a column that is mostly one value": (
            columns(
                {"author": ["unknown"] * 90 + [f"a{n // 2}" for n in range(30)]},
                {"author": ["unknown"] * 60},
            ),
        ),
        "other documents": (
            columns(
                {"doc_id": [f"contract-{n // 4}" for n in range(120)]},
                {"doc_id": [f"contract-{n // 4}" for n in range(120, 180)]},
            ),
        ),
        "a column that names no group": (
            columns(
                {"length": [100 + 7 * (n // 4) for n in range(120)]},
                {"length": [100 + 7 * n for n in range(30)]},
            ),
        ),
        "values that are missing": (
            columns(
                {"doc_id": [None, *[f"c{n // 4}" for n in range(119)]]}, {"doc_id": [None] * 60}
            ),
        ),
        "the same answer": (
            rows(
                [{"instruction": t, "output": TEMPLATE + TEXTS[0]} for t in TEXTS[:200]],
                evaluation=[{"instruction": t, "output": TEMPLATE + TEXTS[0]} for t in TEXTS[200:]],
            ),
        ),
    }
    clean = {"apart": (labelled(TEXTS[:200], TEXTS[200:]),)}


@pytest.mark.parametrize(
    "name",
    [
        "doc_id",
        "docId",
        "Document ID",
        "conversation.id",
        "user",
        "thread-id",
        "source_url",
        "PMID",
    ],
)
def test_names_of_groups(name: str) -> None:
    assert is_group_name(name)


@pytest.mark.parametrize(
    "name",
    ["id", "label_id", "category", "user_age", "length", "source", "topics", "documented", ""],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_group_name(name)


def test_says_how_many_of_which_column() -> None:
    found = run_check(group_leakage, TestGroupLeakage.faulty["a document column"]).findings[0]
    assert "10 of 30 eval rows (33.3 %) have a 'doc_id'" in found.message
    assert found.where_total == 10
