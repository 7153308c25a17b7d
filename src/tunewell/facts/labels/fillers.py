"""English words that a text can lose without saying anything else."""

from __future__ import annotations

from tunewell.facts.near.folding import fold

FILLERS = frozenset(
    [
        "a",
        "an",
        "the",
        "my",
        "i",
        "im",
        "ive",
        "id",
        "this",
        "that",
        "please",
        "pls",
        "plz",
        "kindly",
        "hi",
        "hello",
        "hey",
        "well",
        "so",
        "oh",
        "ah",
        "ok",
        "okay",
        "just",
        "really",
        "actually",
        "also",
        "too",
        "very",
    ]
)
"""Words that change neither what is asked nor whether it is. "Not", "no", question words, "did",
"can", "more", "yet" and "still" are not among them: they turn a text round, or what failed into
what is pending."""

SAME = {
    "cannot": "can not",
    "cant": "can not",
    "wont": "will not",
    "dont": "do not",
    "doesnt": "does not",
    "didnt": "did not",
    "isnt": "is not",
    "arent": "are not",
    "wasnt": "was not",
    "hasnt": "has not",
    "havent": "have not",
    "couldnt": "could not",
    "wouldnt": "would not",
    "shouldnt": "should not",
    "whats": "what is",
    "wheres": "where is",
    "hows": "how is",
    "whos": "who is",
    "its": "it is",
    "theres": "there is",
    "thats": "that is",
    "recognise": "recognize",
    "recognised": "recognized",
    "cancelled": "canceled",
    "colour": "color",
    "favourite": "favorite",
}
"""Short forms and British spellings."""

LONGEST = 1000
"""Characters. Longer texts hardly ever differ in fillers alone."""

FEWEST_WORDS = 3
"""Words that must be left: of fewer, too little is known."""


def essence(text: str) -> str:
    """A folded text without fillers, in one spelling; "" if little is left or it is long."""
    if len(text) > LONGEST:
        return ""
    words = " ".join(SAME.get(word, word) for word in fold(text).split()).split()
    kept = [word for word in words if word not in FILLERS]
    return " ".join(kept) if len(kept) >= FEWEST_WORDS else ""
