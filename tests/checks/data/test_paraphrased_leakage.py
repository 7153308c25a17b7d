"""DAT015 paraphrased-leakage."""

import pytest
from tests.checks.stories import stories

from tunewell.checks.data.paraphrased_leakage import paraphrased_leakage
from tunewell.core.finding import Row
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check

TRAIN, TRAIN_REWORDED = stories(600, seed=1)
JUDGED, REWORDED = stories(120, seed=2)
SAME_TOPIC, _ = stories(120, seed=3)


def texts(train: list[str], judged: list[str]) -> Dataset:
    """A data set with labels that do not matter."""
    return dataset(
        train,
        ["a", "b"] * (len(train) // 2) + ["a"] * (len(train) % 2),
        evaluation=(judged, ["a", "b"] * (len(judged) // 2) + ["a"] * (len(judged) % 2)),
    )


def chats(asked: list[str]) -> list[dict[str, object]]:
    """Conversations with these questions and one answer for all."""
    return [
        {
            "messages": [
                {"role": "user", "content": question},
                {"role": "assistant", "content": "That needs a sum. The answer is 42 days."},
            ]
        }
        for question in asked
    ]


class TestParaphrasedLeakage(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = paraphrased_leakage
    faulty = {
        "every evaluation row, reworded": (texts(TRAIN + REWORDED, JUDGED),),
        "a third of the rows": (texts(TRAIN + REWORDED[:40], JUDGED),),
        "three rewordings of each": (
            texts(TRAIN + REWORDED + ["So: " + t for t in REWORDED] + REWORDED, JUDGED),
        ),
        "questions of a chat": (rows(chats(TRAIN + REWORDED), evaluation=chats(JUDGED)),),
    }
    nearly = {
        "the same topics and plots": (texts(TRAIN, SAME_TOPIC),),
        "the same plot with other numbers": (
            texts(TRAIN, [t.replace("1", "6").replace("2", "7") for t in JUDGED]),
        ),
        "training data that says everything twice": (texts(TRAIN + TRAIN_REWORDED, JUDGED),),
        "exactly the same": (texts(TRAIN + JUDGED, JUDGED),),
        "one answer for all questions": (rows(chats(TRAIN), evaluation=chats(SAME_TOPIC)),),
        "short messages": (
            texts(
                [f"where is my {w} card" for w in range(300)],
                [f"my card where is it {w}" for w in range(300, 400)],
            ),
        ),
    }
    clean = {
        "apart": (texts(TRAIN, JUDGED),),
    }


def test_names_the_right_rows() -> None:
    found = run_check(paraphrased_leakage, (texts(TRAIN + REWORDED[:40], JUDGED),)).findings[0]
    rows_named = {place.index for place in found.where if isinstance(place, Row)}
    assert len(rows_named & set(range(40))) >= 36
    assert len(rows_named - set(range(40))) <= 3


@pytest.mark.parametrize("train", [[], TRAIN[:20]])
def test_few_rows_show_nothing(train: list[str]) -> None:
    data = texts(["x", *train], JUDGED)
    assert run_check(paraphrased_leakage, (data,)).not_applicable


def test_a_text_without_words() -> None:
    data = texts(
        [*TRAIN, "", "?!", "\u200b", "日本語の文"], ["", "...", "日本語の文章です", "é" * 9]
    )
    assert not run_check(paraphrased_leakage, (data,)).findings
