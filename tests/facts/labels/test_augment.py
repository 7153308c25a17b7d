"""Changed copies keep what tells the class, and balance reaches what was asked."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.facts.labels.augment import WORD, augmented, telling_words
from tunewell.facts.labels.balance import missing_rows, repeated, thinned
from tunewell.facts.near.folding import fold
from tunewell.subjects.dataset import Split
from tunewell.testing import split

TEXTS = (
    "Hello, please tell me where the parcel is that was ordered yesterday in 2024?",
    "I do not remember whether the parcel number yesterday was 55-1, please tell me",
    "Can you please refund what was ordered yesterday? I do not remember whether it came",
    "The refund is not there, please tell me whether it was ordered yesterday",
    "Hello, my neighbour never received the parcel either, please tell me whether it came",
    "Please tell me whether the refund came that I received yesterday, hello",
)
LABELS = ("parcel", "parcel", "refund", "refund", "parcel", "refund")
ROWS = split(TEXTS, LABELS)
DIGITS = set("0123456789")


def words(text: str) -> Counter[str]:
    return Counter(word.casefold() for word in WORD.findall(text))


@given(st.integers(0, 2**32 - 1))
def test_a_copy_keeps_what_tells_its_class(seed: int) -> None:
    edit = augmented(ROWS, {"parcel": 5, "refund": 5}, seed=seed)
    assert len(edit.of) == 10
    assert len({fold(text) for text in (*TEXTS, *edit.texts)}) == 16
    telling = telling_words(ROWS).words
    for row, text in zip(edit.of, edit.texts, strict=True):
        before = TEXTS[row]
        assert [c for c in before if c in DIGITS] == [c for c in text if c in DIGITS]
        contracted = {"i'm", "don't", "isn't", "i've", "am", "not", "do", "is", "have", "i"}
        lost = (words(before) - words(text)).keys() - contracted
        assert not lost & telling
        assert len(lost) <= 1


def test_the_same_seed_gives_the_same_rows() -> None:
    assert augmented(ROWS, {"parcel": 4}, seed=3) == augmented(ROWS, {"parcel": 4}, seed=3)


def test_a_generator_of_the_user_is_asked() -> None:
    edit = augmented(ROWS, {"refund": 2}, generate=lambda text, label: [f"{label}! {text}"])
    assert [text.partition("!")[0] for text in edit.texts] == ["refund", "refund"]


def test_what_cannot_be_made_is_not_made() -> None:
    edit = augmented(ROWS, {"refund": 9}, generate=lambda text, _: [text, text.upper()])
    assert edit.of == ()


LABEL_LISTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=60)


def sized(labels: list[str]) -> Split:
    return split([f"t{n}" for n in range(len(labels))], labels)


@pytest.mark.parametrize("ratio", [1.0, 2.5])
@given(labels=LABEL_LISTS)
def test_repeating_and_thinning_reach_the_ratio(ratio: float, labels: list[str]) -> None:
    rows = sized(labels)
    more = repeated(rows, missing_rows(rows, ratio))
    counts = Counter(labels) + Counter(labels[row] for row in more.of)
    assert max(counts.values()) <= ratio * min(counts.values())
    gone = set(thinned(rows, ratio).rows)
    left = Counter(label for at, label in enumerate(labels) if at not in gone)
    assert set(left) == set(labels)
    assert max(left.values()) <= ratio * min(left.values())
