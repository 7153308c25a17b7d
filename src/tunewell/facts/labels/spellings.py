"""Labels that are one class, spelled in several ways."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tunewell.facts.labels.classes import class_counts
from tunewell.facts.labels.label_fit import text_model
from tunewell.facts.memo import fact
from tunewell.subjects.dataset import Split
from tunewell.subjects.layout import Kind

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
BETWEEN_WORDS = re.compile(r"(?<=[^\W_])[\s_\-\u2010-\u2015]+(?=[^\W_])")
BETWEEN_NUMBERS = re.compile(r"(?<=\d)[\s_\-\u2010-\u2015]+(?=\d)")
EDGES = re.compile(r"^[\s\"'`.,:;!?_]+|[\s\"'`.,:;!?_]+$")
QUOTES = re.compile(r"[\"'`\u2018\u2019\u201c\u201d]")
WHOLE_FLOAT = re.compile(r"([+-]?\d+)\.0+")
PLURAL = re.compile(r"(?<=[^\W\d_]{4})(?<!s)s\b")
DIGITS = re.compile(r"\d+")
WORD = re.compile(r"[^\W_]+")

ONE_SLIP = 5
TWO_SLIPS = 10
"""Letters of a name from which on one and two slips make a typo of it: of a shorter name they make
another word ("ham", "spam")."""

LIKELY_SLIP = 0.05
"""Most rows of the slip, as a share of those of the right name; people seldom slip more often."""

MOST_FREQUENT = 300
"""Labels that others are held against: with thousands of classes, the most frequent ones."""

MOST_ALIKE = 50
"""Rows of a slip whose texts are looked at."""

ALIKE = 0.5
"""Share of these rows whose text must fit the right name best of all classes."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """A label and the more frequent one that it is a spelling of.

    `slip` says that letters differ (a plural or a typo) and not case, marks and white space alone.
    """

    label: str
    rows: int
    meant: str
    meant_rows: int
    slip: bool


def folded_label(label: str) -> str:
    """A label without case, width, invisible characters, quotes and separators of words.

    Signs stay: "c++" is not "c", "-1" is not "1", "1-2" is not "12".
    """
    plain = INVISIBLE.sub("", unicodedata.normalize("NFKC", label)).casefold()
    plain = EDGES.sub("", QUOTES.sub("", plain)) or plain
    whole = WHOLE_FLOAT.fullmatch(plain)
    if whole:
        return whole[1]
    return BETWEEN_WORDS.sub("", BETWEEN_NUMBERS.sub("~", plain)) or label


@fact
def spellings(split: Split) -> tuple[Spelling, ...]:
    """The labels that are another spelling of a more frequent one, in order of the names."""
    counts = dict(class_counts(split))
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in counts:  # most frequent first
        groups[folded_label(label)].append(label)
    found = [
        Spelling(label, counts[label], names[0], counts[names[0]], slip=False)
        for names in groups.values()
        for label in names[1:]
    ]
    leaders = {key: names[0] for key, names in groups.items()}
    sizes = {key: sum(counts[name] for name in names) for key, names in groups.items()}
    for key, meant in _slips(leaders, sizes).items():
        label, right = leaders[key], leaders[meant]
        if split.kind is not Kind.TAGGING and _alike(split, label, right):
            found.append(Spelling(label, sizes[key], right, sizes[meant], slip=True))
    return tuple(sorted(found, key=lambda spelling: (spelling.meant, spelling.label)))


@fact
def merged_counts(split: Split) -> Mapping[str, int]:
    """`class_counts` with every spelling counted as the label that is meant, most rows first."""
    counts = dict(class_counts(split))
    meant = {spelling.label: spelling.meant for spelling in spellings(split)}
    merged: defaultdict[str, int] = defaultdict(int)
    for label, rows in counts.items():
        right = meant.get(label, label)
        merged[meant.get(right, right)] += rows
    return dict(sorted(merged.items(), key=lambda item: (-item[1], item[0])))


def _slips(names: Mapping[str, str], sizes: Mapping[str, int]) -> dict[str, str]:
    """Folded names that look like a plural or a typo of a far more frequent one."""
    words = {
        key: set(WORD.findall(name.casefold().replace("_", " "))) for key, name in names.items()
    }
    found: dict[str, str] = {}
    for rare, frequent in _close(names, sizes):
        if DIGITS.findall(rare) != DIGITS.findall(frequent):
            continue
        others = set().union(*(words[key] for key in names if key not in (rare, frequent)))
        differing = words[rare] - words[frequent]
        # "transfer_in" and "transfer_on": a word that other labels use is no slip.
        if len(differing) > 1 or differing & others:
            continue
        found.setdefault(rare, frequent)
    return found


def _close(names: Mapping[str, str], sizes: Mapping[str, int]) -> list[tuple[str, str]]:
    """Pairs (rare, frequent) of names that a slip or a plural tells apart, nearest first."""
    frequent = sorted(names, key=lambda key: -sizes[key])[:MOST_FREQUENT]
    found: list[tuple[int, int, str, str]] = []
    for rare in names:
        for key in frequent:
            if sizes[rare] > max(1.0, LIKELY_SLIP * sizes[key]) or sizes[rare] >= sizes[key]:
                break
            if rare[0] != key[0]:  # people seldom slip there, and it saves most comparisons
                continue
            letters = len(DIGITS.sub("", key))
            most = 2 if letters >= TWO_SLIPS else 1 if letters >= ONE_SLIP else 0
            if PLURAL.sub("", names[rare]) == PLURAL.sub("", names[key]):
                found.append((0, -sizes[key], rare, key))
            elif most and not rare.endswith(key) and not key.endswith(rare):
                # "inactive" and "active": what is put before a word turns its meaning round.
                distance = _distance(rare, key, most)
                if distance <= most:
                    found.append((distance, -sizes[key], rare, key))
    return [(rare, key) for _, _, rare, key in sorted(found)]


def _distance(one: str, other: str, most: int) -> int:
    """Letters put in, left out, changed or swapped; `most` + 1 where it is more than that."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        new = [at]
        for to, wanted in enumerate(other, start=1):
            cost = min(row[to] + 1, new[to - 1] + 1, row[to - 1] + (letter != wanted))
            swapped = at > 1 and to > 1 and letter == other[to - 2] and one[at - 2] == wanted
            new.append(min(cost, before[to - 2] + 1) if swapped else cost)
        before, row = row, new
        if min(row) > most:
            return most + 1
    return row[-1]


def _alike(split: Split, label: str, meant: str) -> bool:
    """Whether texts of one label fit another best, to a model that does not know the first."""
    model = text_model(split)
    if label not in model.names or meant not in model.names:
        return False
    numbers = {name: at for at, name in enumerate(model.names)}
    at = np.flatnonzero(model.labels == numbers[label])[:MOST_ALIKE]
    taught = np.where(model.labels == numbers[label], -1, model.labels)
    best = model.best(taught, at)
    return bool(len(at)) and float((best == numbers[meant]).mean()) >= ALIKE


def renamed(labels: Sequence[str | None], known: Sequence[str]) -> dict[str, str]:
    """Labels that are none of the known ones but fold to the same as exactly one of them."""
    by_fold: defaultdict[str, list[str]] = defaultdict(list)
    for name in known:
        by_fold[folded_label(name)].append(name)
    strange = {label for label in labels if label is not None} - set(known)
    return {
        label: by_fold[folded_label(label)][0]
        for label in sorted(strange)
        if len(by_fold.get(folded_label(label), ())) == 1
    }
