"""How much of a text is new, and how much a repetition of itself."""

from __future__ import annotations

LONG = 4
"""Words of a run of words that counts as said again."""

CHARACTERS_PER_WORD = 20
"""With fewer spaces than one in so many characters a text is taken character by character."""


def distinct_share(text: str, *, fewest: int = 12) -> float | None:
    """Different runs of four words as a share of all of them, from above 0 to 1.

    1 is a text that repeats no four words, 1 / n one that says the same word throughout. Chinese,
    Japanese and other text without spaces is taken by characters. None for texts of less than
    `fewest` words, of which nothing can be said.
    """
    words = text.split()
    if len(words) * CHARACTERS_PER_WORD < len(text):
        words = [character for character in text if not character.isspace()]
    if len(words) < max(fewest, LONG):
        return None
    runs = [tuple(words[at : at + LONG]) for at in range(len(words) - LONG + 1)]
    return len(set(runs)) / len(runs)
