"""New rows for small classes: texts changed in small ways that cannot change what they mean.

Nothing is fetched and no model is asked. The words that tell the class, numbers, negations and
addresses stay as they are; case, punctuation marks, contractions and single letters of other words
change, as they do when another person types the same message.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tunewell.core.finding import AddRows
from tunewell.facts.memo import fact
from tunewell.facts.near.folding import fold
from tunewell.subjects.dataset import Split

WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
LONG_WORD = 5
"""Letters. A typing mistake in a shorter word often makes another word."""

TELLING = 0.5
"""How far the share of a class among a word's rows goes from its share of all rows (0) towards all
of them (1), from which on the word is taken to tell the class."""

MOST_TRIES = 12
NEGATIONS = frozenset(
    {"no", "not", "never", "none", "nothing", "nobody", "without", "cannot", "can't", "won't"}
)
CONTRACTIONS = {
    "i am": "i'm",
    "i have": "i've",
    "i would": "i'd",
    "i will": "i'll",
    "it is": "it's",
    "that is": "that's",
    "what is": "what's",
    "where is": "where's",
    "how is": "how's",
    "you are": "you're",
    "we are": "we're",
    "they are": "they're",
    "there is": "there's",
    "do not": "don't",
    "does not": "doesn't",
    "did not": "didn't",
    "is not": "isn't",
    "are not": "aren't",
    "was not": "wasn't",
    "have not": "haven't",
    "has not": "hasn't",
}
"""Two ways to write the same words; both mean the same, the negated ones too."""

EXPANSIONS = {short: long for long, short in CONTRACTIONS.items()}
SHORTEN = re.compile(r"\b(" + "|".join(CONTRACTIONS) + r")\b", re.IGNORECASE)
EXPAND = re.compile(r"\b(" + "|".join(EXPANSIONS) + r")\b", re.IGNORECASE)
KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
NEIGHBOURS = {
    letter: (row[at - 1] if at else "") + (row[at + 1] if at + 1 < len(row) else "")
    for row in KEYS
    for at, letter in enumerate(row)
}
"""Letters beside each other on the most common keyboard."""

Generate = Callable[[str, str], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Telling:
    """The words that tell a class, folded."""

    words: frozenset[str]


@fact
def telling_words(split: Split) -> Telling:
    """Words whose rows are of one class far more often than rows are; see `TELLING`.

    A word of a single row could tell its class, and counts as one that does.
    """
    of_class = Counter(label for label in split.labels if label is not None)
    share = {label: rows / of_class.total() for label, rows in of_class.items()}
    rows_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text, label in zip(split.texts, split.labels, strict=True):
        if label is not None:
            for word in {match.group().casefold() for match in WORD.finditer(text)}:
                rows_of[word][label] += 1
    return Telling(
        frozenset(
            word
            for word, counts in rows_of.items()
            if any(
                rows / counts.total() >= share[label] + TELLING * (1 - share[label])
                for label, rows in counts.items()
            )
        )
    )


def augmented(
    split: Split, wanted: dict[str, int], *, generate: Generate | None = None, seed: int = 0
) -> AddRows:
    """New rows for each class, up to the wanted number of each, as an edit.

    Args:
        split: labelled rows, one label each.
        wanted: by class, how many rows to add. Where no further different text can be made, fewer
            are added.
        generate: makes texts of the same label; the built-in perturbations where None.
        seed: of the draws; the same data and seed give the same rows.
    """
    rng = np.random.default_rng(seed)
    make = generate or _Perturb(telling_words(split).words, rng)
    known = {fold(text) for text in split.texts}
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, label in enumerate(split.labels):
        if label in wanted:
            rows[str(label)].append(row)
    of: list[int] = []
    texts: list[str] = []
    for label in sorted(wanted):
        for row, text in _take(split, rows[label], wanted[label], make, known):
            of.append(row)
            texts.append(text)
    return AddRows(split=split.name, of=tuple(of), texts=tuple(texts))


def _take(
    split: Split, rows: Sequence[int], wanted: int, make: Generate, known: set[str]
) -> Iterator[tuple[int, str]]:
    """Every row in turn gives one new text, until there are enough or none gives one any more."""
    taken = 0
    giving = list(rows)
    while giving and taken < wanted:
        still: list[int] = []
        for row in giving:
            if taken == wanted:
                break
            label = str(split.labels[row])
            fresh = next((t for t in make(split.texts[row], label) if fold(t) not in known), None)
            if fresh is not None:
                known.add(fold(fresh))
                taken += 1
                still.append(row)
                yield row, fresh
        giving = still


class _Perturb:
    """Makes a few variants of a text, each with one or two small changes."""

    def __init__(self, kept: frozenset[str], rng: np.random.Generator) -> None:
        self._kept = kept
        self._rng = rng

    def __call__(self, text: str, label: str) -> Iterator[str]:
        del label
        for _ in range(MOST_TRIES):
            made = self._typing(text)
            if self._rng.random() < 0.5:  # noqa: PLR2004  every other one
                made = self._writing(made)
            if made != text:
                yield made

    def _writing(self, text: str) -> str:
        """Case, contractions or final marks."""
        choice = int(self._rng.integers(4))
        if choice == 0:
            return text.lower()
        if choice == 1:
            return SHORTEN.sub(lambda m: _cased(CONTRACTIONS[m[0].lower()], m[0]), text, count=1)
        if choice == 2:  # noqa: PLR2004  the third way
            return EXPAND.sub(lambda m: _cased(EXPANSIONS[m[0].lower()], m[0]), text, count=1)
        return text.rstrip("?!. ") if text[-1:] in "?!." else text

    def _typing(self, text: str) -> str:
        """One mistake of the keyboard in a long word that tells nothing."""
        words = [
            match
            for match in WORD.finditer(text)
            if len(match.group()) >= LONG_WORD
            and match.group().isascii()
            and match.group().casefold() not in self._kept
            and match.group().casefold() not in NEGATIONS
            and not match.group().isupper()
        ]
        if not words:
            return text
        word = words[int(self._rng.integers(len(words)))]
        at = word.start() + 1 + int(self._rng.integers(len(word.group()) - 2))
        choice = int(self._rng.integers(4))
        if choice == 0:  # two letters change places
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        if choice == 1:  # a letter is left out
            return text[:at] + text[at + 1 :]
        if choice == 2:  # noqa: PLR2004  a letter is typed twice
            return text[:at] + text[at] + text[at:]
        near = NEIGHBOURS.get(text[at].lower(), "")
        if not near:
            return text
        return text[:at] + near[int(self._rng.integers(len(near)))] + text[at + 1 :]


def _cased(new: str, old: str) -> str:
    return new[0].upper() + new[1:] if old[:1].isupper() else new
