"""Phrases that many texts begin or end with, and how long texts are."""

from tunewell.facts.writing.lengths import lengths
from tunewell.facts.writing.shared_phrases import shared_phrases
from tunewell.subjects.dataset import Split
from tunewell.subjects.parts import Role
from tunewell.testing import rows

ANSWERS = frozenset({Role.ANSWER})


def split(*answers: str) -> Split:
    records = [{"prompt": f"Question {n}?", "completion": text} for n, text in enumerate(answers)]
    return rows(records).train


def talk(number: int) -> str:
    return f"{number} boats lie in the bay below the mill, and {number} lie in the open sea. " * 2


def test_lengths_count_characters() -> None:
    assert lengths(split("é", "😀😀")).tolist() == [11, 1, 11, 2]


def test_whole_phrase_up_to_a_word() -> None:
    texts = [f"As far as one can see today, b{n} is there: {talk(n)}" for n in range(9)]
    (found,) = shared_phrases(split(*texts), ANSWERS, share=0.5, fewest=5)
    assert found.phrase == "As far as one can see today, "
    assert not found.ends
    assert len(found.at) == 9


def test_endings() -> None:
    texts = [talk(n) + f"for{n} That is all there is to say of it." for n in range(9)]
    (found,) = shared_phrases(split(*texts), ANSWERS, share=0.5, fewest=5)
    assert found.phrase == " That is all there is to say of it."
    assert found.ends


def test_formats_and_few_texts_are_none() -> None:
    formats = [f'{{"boats in the bay of the mill": {talk(n)}}}' for n in range(9)]
    assert not shared_phrases(split(*formats), ANSWERS, share=0.5, fewest=5)
    same = ["As far as one can see today, " + talk(1)] * 9
    assert not shared_phrases(split(*same), ANSWERS, share=0.5, fewest=5)
    few = [f"As far as one can see today, {talk(n)}" for n in range(3)]
    assert not shared_phrases(split(*few), ANSWERS, share=0.5, fewest=5)
