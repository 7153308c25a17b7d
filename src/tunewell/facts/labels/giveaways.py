"""What in a text gives its label away without being about it: marks, ids, addresses, templates."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tunewell.facts.labels.spellings import folded_label

KEYS = (
    "label|class|category|intent|topic|tag|type|sentiment|target|department|queue|emotion|"
    "classification|ground[ _]truth|gold|expected[ _]output"
)
NAME = r"[^\s\[\](){}<>|:=#*\"',;][^\[\](){}<>|:=#*\"\n]{0,60}?"
KEYED = re.compile(
    rf"(?:\b(?:{KEYS})(?:[ _](?:is|name|id))?\s*(?::|=>?|->)|__label__)"
    rf"\s*[\"'\[(<]?({NAME})(?=[\"'\])>.,;|\s]*(?:$|[\"'\])>.,;|\n]|\s\s|\s-))",
    re.IGNORECASE,
)
"""The name of a label behind a word for "label": `label: refund`, `category = refund`."""

BRACKETED = re.compile(
    rf"^\W{{0,3}}?[\[(<{{*#|]+\s*({NAME})\s*[\])>}}*#|]+:?"
    rf"|[\[(<{{]\s*({NAME})\s*[\])>}}]\W?$"
)
"""The name of a label in brackets, first or last in the text: `[refund] where is my money`."""

FIRST = re.compile(rf"^\s*({NAME})\s*(?::|=>|->|\||\t|\s-{{1,2}}\s)")
"""The name of a label as a heading: `refund: where is my money`."""

MARKED = re.compile(r"[:=>|\])}#*\t]|__label__|\s--?\s")
"""What every mark has: texts without it, most of all, need no further look."""

SHORTEST_NAME = 3
"""Letters of a name that counts in brackets or as a heading; "a)" and "1." number things."""

ADDRESS = re.compile(r"(?:https?://|www\.)([\w.-]+)|[\w.+-]+(@[\w-]+\.[\w.]+)", re.IGNORECASE)
PATH = re.compile(r"(?:[A-Za-z]:\\|\.{0,2}/|~/)?([\w.-]+[\\/][\w.-]+[\\/])[\w.\\/-]+")
IDENTIFIER = re.compile(r"\b([A-Za-z]{2,}[-_:#/]?)\d{3,}\b")
TECHNICAL = re.compile(r"(?<!\S)[^\s_@<>\[\]{}|\\=~^#*]*[_@<>\[\]{}|\\=~^#*]\S*")
REPEATED = re.compile(r"([#=*~_|<>-])\1{2,}")
ODD = re.compile(r"[_@<>\[\]{}|\\=~^#*/]|\d{3}|www|---")
"""What every address, path, identifier and token has."""

LETTERS = re.compile(r"[^\W\d_]{3}")

FIRST_WORDS = 3
SHORTEST_TEMPLATE = 12
MOST_CHARACTERS = 4000
"""Characters of a text, from its beginning, in which names and odd tokens are looked for."""

MOST_ROWS = 100_000
"""Rows that tokens are counted in; of more, evenly spread ones."""

VARIED = 0.5
"""Share of different identifiers of one shape. "401k" is a word that has a number in it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the name of a label stands in a text, and which label it names."""

    start: int
    end: int
    label: str


def marks(text: str, names: Mapping[str, str]) -> Iterator[Mark]:
    """The labels that a text names in a shape that no sentence has.

    `names` maps folded labels (`facts.spellings.folded_label`) to labels.
    """
    text = text[:MOST_CHARACTERS]
    if not MARKED.search(text):
        return
    for pattern in (KEYED, BRACKETED, FIRST):
        for match in pattern.finditer(text):
            folded = folded_label(match[match.lastindex or 0])
            label = names.get(folded)
            if label is not None and (pattern is KEYED or _is_name(folded)):
                yield Mark(match.start(), match.end(), label)


def _is_name(folded: str) -> bool:
    return sum(letter.isalpha() for letter in folded) >= SHORTEST_NAME


@dataclass(frozen=True, slots=True)
class Giveaway:
    """A token or template: in `rows` of the `total` rows of the class, and `elsewhere`."""

    label: str
    kind: str
    sign: str
    rows: int
    total: int
    elsewhere: int
    example: int


def giveaways(
    texts: Sequence[str],
    labels: Sequence[tuple[str, ...]],
    *,
    least_rows: int,
    least_share: float,
    most_elsewhere: float,
) -> list[Giveaway]:
    """Signs that nearly all rows of one class have and nearly no others; one for each class."""
    step = -(-len(texts) // MOST_ROWS) if len(texts) else 1
    total: Counter[str] = Counter()
    seen: Counter[tuple[str, str]] = Counter()
    of_class: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    first: dict[tuple[tuple[str, str], str], int] = {}
    raw: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    rows = range(0, len(texts), step)
    for row, text in zip(rows, _every(texts, step), strict=True):
        total.update(labels[row])
        found = dict(_signs(text))
        seen.update(found.keys())
        for sign, written in found.items():
            if sign[0] == "identifier":
                raw[sign].add(written)
            for label in labels[row]:
                of_class[label][sign] += 1
                first.setdefault((sign, label), row)
    best: list[Giveaway] = []
    for label, counts in sorted(of_class.items()):
        told = [
            Giveaway(label, *sign, count, total[label], seen[sign] - count, first[sign, label])
            for sign, count in counts.items()
            if total[label] >= least_rows
            and count >= least_share * total[label]
            and seen[sign] - count <= most_elsewhere * count
            and (sign[0] != "identifier" or len(raw[sign]) >= VARIED * count)
        ]
        if told:
            best.append(max(told, key=lambda found: (found.rows, -len(found.sign), found.sign)))
    return best


def _every(texts: Sequence[str], step: int) -> Iterable[str]:
    return texts if step == 1 else (texts[row] for row in range(0, len(texts), step))


def _signs(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    """What could give a label away, as ((kind, sign), as written)."""
    if ODD.search(text, 0, MOST_CHARACTERS):
        yield from _odd(text[:MOST_CHARACTERS])
    words = text.split(None, FIRST_WORDS)
    if len(words) > FIRST_WORDS:
        if words[0].endswith(":") and LETTERS.search(words[0]):
            yield ("first word", words[0]), words[0]
        ending = text.rsplit(None, FIRST_WORDS)[1:]
        for kind, part in (("beginning", words[:FIRST_WORDS]), ("end", ending)):
            sign = " ".join(part)
            if len(sign) >= SHORTEST_TEMPLATE:
                yield (kind, sign), sign


def _odd(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    for match in ADDRESS.finditer(text):
        yield ("address", (match[1] or match[2]).lower().removeprefix("www.")), match[0]
    for match in PATH.finditer(text):
        if "://" not in text[max(0, match.start() - 8) : match.end()]:
            yield ("path", match[1]), match[0]
    for match in IDENTIFIER.finditer(text):
        yield ("identifier", match[1] + "0"), match[0]
    for match in REPEATED.finditer(text):
        yield ("token", match[0]), match[0]
    for match in TECHNICAL.finditer(text):
        token = match[0].strip(".,;!?\"'()")
        if LETTERS.search(token) and not any(letter.isdigit() for letter in token):
            yield ("token", token), token
