"""DAT064 label-given-away."""

# ruff: noqa: ARG005  a shape is given all three, whatever it uses

from collections.abc import Callable

from tunewell.checks.data.label_given_away import label_given_away
from tunewell.core.finding import Confidence, SetText
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, rows, run_check

CLASSES = {
    "billing": ("i was charged twice for {}", "the {} bill is wrong", "why did {} cost more"),
    "top_up": ("{} did not reach my balance", "adding money by {} fails", "{} was not added"),
}
THINGS = ("order", "parcel", "june", "transfer", "voucher", "ticket", "cash", "phone", "account")


def made(shape: Callable[[str, str, int], str], count: int = 60) -> Dataset:
    """Rows of two classes whose texts are given a shape by (text, label, number)."""
    texts, labels = [], []
    for at in range(count):
        label = sorted(CLASSES)[at % 2]
        text = CLASSES[label][at // 2 % 3].format(f"{THINGS[at // 6 % 9]} {chr(97 + at % 26)}")
        texts.append(shape(text, label, at))
        labels.append(label)
    return dataset(texts, labels)


def only(label: str, sign: str, text: str, given: str) -> str:
    """The text with a sign before it where it is of one class."""
    return f"{sign} {text}" if given == label else text


class TestLabelGivenAway(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = label_given_away
    faulty = {
        "in brackets": (made(lambda text, label, at: f"[{label}] {text}"),),
        "in brackets, spelled otherwise": (
            made(lambda text, label, at: f"[{label.replace('_', ' ').title()}] {text}"),
        ),
        "as a heading": (made(lambda text, label, at: f"{label.upper()}: {text}"),),
        "under a label of two spellings": (
            dataset(
                [f"[{('top_up', 'Top up')[at % 2]}] row {chr(97 + at)}" for at in range(20)],
                [("top_up", "Top up")[at % 2] for at in range(20)],
            ),
        ),
        "behind a word": (made(lambda text, label, at: f"{text}\nlabel: {label}"),),
        "behind a word, quoted": (made(lambda text, label, at: f'category="{label}" {text}'),),
        "for fastText": (made(lambda text, label, at: f"__label__{label} {text}"),),
        "at the end": (made(lambda text, label, at: f"{text} ({label})"),),
        "in a tenth of the rows": (
            made(lambda text, label, at: text if at % 10 else f"[{label}] {text}"),
        ),
        "a number behind a word": (
            dataset(
                [f"text {chr(97 + at)} of some kind, label: {at % 3}" for at in range(26)],
                [str(at % 3) for at in range(26)],
            ),
        ),
        "an identifier": (
            made(lambda text, label, at: only("billing", f"INV-{10000 + at}", text, label)),
        ),
        "an address": (
            made(lambda text, label, at: only("top_up", f"http://pay.test/{at}", text, label)),
        ),
        "a path": (
            made(lambda text, label, at: only("top_up", f"data/topup/{at}.txt", text, label)),
        ),
        "a token": (made(lambda text, label, at: only("top_up", "<BOT>", text, label)),),
        "a template": (
            made(lambda text, label, at: only("top_up", "Dear support team", text, label)),
        ),
    }
    nearly = {
        "the topic in words": (made(lambda text, label, at: f"{label.replace('_', ' ')} {text}"),),
        "names in brackets, of either class": (
            made(lambda text, label, at: f"[{sorted(CLASSES)[at // 2 % 2]}] {text}"),
        ),
        "a template of both classes": (made(lambda text, label, at: f"Dear support team {text}"),),
        "identifiers in both": (made(lambda text, label, at: f"INV-{10000 + at} {text}"),),
        "a word with a number in it": (
            made(
                lambda text, label, at: only(
                    "billing", "my 401k and w-2", f"{at % 7} {text}", label
                )
            ),
        ),
        "a numbered list": (
            dataset(
                [f"{at % 3}: step {chr(97 + at)} of a recipe" for at in range(26)],
                [str(at % 3) for at in range(26)],
            ),
        ),
        "four rows": (made(lambda text, label, at: f"[{label}] {text}" if at < 4 else text),),
    }
    clean = {"texts alone": (made(lambda text, label, at: text),)}


def test_the_names_are_taken_out() -> None:
    subjects = (made(lambda text, label, at: f"[{label}] {text}"),)
    finding = run_check(label_given_away, subjects).findings[0]
    assert finding.confidence is Confidence.HIGH
    edit = finding.fixes[0].edits[0]
    assert isinstance(edit, SetText)
    assert edit.new == edit.old.partition("] ")[2]


def test_sets_of_labels() -> None:
    several = rows(
        [
            {"text": f"[joy] row {chr(97 + at % 26)} {at}", "labels": ["joy", "love"]}
            if at % 2
            else {"text": f"row {chr(97 + at % 26)} {at}", "labels": ["fear"]}
            for at in range(40)
        ]
    )
    assert run_check(label_given_away, (several,)).findings
