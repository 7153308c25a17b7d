"""What a text is known by however it is worded: its word stems and its numbers."""

from __future__ import annotations

import re

MOST_WORDS = 400
"""Words of a text that are looked at, from its beginning."""

TOKEN = re.compile(
    r"\d+/\d+|\d[\d,]*(?:\.\d+)?|\.\d+"  # 2/3, 80,000, 2.50, .5
    r"|[\u3040-\u30ff\u3400-\u9fff]"  # scripts without spaces, by character
    r"|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+"
)
ENDING = re.compile(r"(?:ies|es|s|ing|ed|er|ly)$")
STEM = 6
SHORTEST_STEMMED = 5

NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "seventy": "70",
    "eighty": "80",
    "ninety": "90",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
    "dozen": "12",
    "once": "1",
    "first": "1",
    "second": "2",
    "twice": "2",
    "double": "2",
    "doubled": "2",
    "thrice": "3",
    "triple": "3",
    "tripled": "3",
    "half": "1/2",
    "third": "1/3",
    "quarter": "1/4",
    "fourth": "1/4",
    "fifth": "1/5",
}
"""English words for numbers, so that "half" meets "1/2" and "twice" meets "2 times"."""


def features(text: str) -> dict[str, int]:
    """What a folded text is known by, with counts: stems, numbers and pairs of numbers.

    Numbers begin with "#" and pairs with "##".
    """
    counts: dict[str, int] = {}
    last = ""
    for found in TOKEN.findall(text)[:MOST_WORDS]:
        number = _number(found)
        if number:
            names = (f"#{number}", f"##{last} {number}") if last else (f"#{number}",)
            last = number
        elif len(found) < SHORTEST_STEMMED:
            names = (found,)
        else:
            names = (ENDING.sub("", found)[:STEM],)
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    return counts


def _number(token: str) -> str:
    """The number that a token is, in one spelling; "" for a word."""
    if token[0].isalpha():
        return NUMBER_WORDS.get(token, "")
    plain = token.replace(",", "")
    if "/" in plain or not plain.isascii():
        return plain
    return f"{float(plain):g}" if "." in plain else plain.lstrip("0") or "0"


COPIED_RUN = 3
"""Words in a run. A rewording keeps few runs of three; an edited copy keeps most."""


def copied_share(one: str, other: str) -> float:
    """Share of the three-word runs of the shorter of two folded texts that the other has too."""
    runs = []
    for text in (one, other):
        words = text.split(maxsplit=MOST_WORDS)[:MOST_WORDS]
        runs.append({tuple(words[at : at + COPIED_RUN]) for at in range(len(words) - 2)})
    return len(runs[0] & runs[1]) / max(1, min(map(len, runs)))
