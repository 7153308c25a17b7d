"""Which script a text is written in and, for Latin script, in which of the larger languages.

The script is counted. The language is read off function words: the short words that hardly a
sentence does without. No model and no list from elsewhere is needed, and a text of a few words, a
list of names or a program is in no language at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

LATIN = "Latin"
SCRIPTS: Mapping[str, str] = {
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Cyrillic": "\u0400-\u052f",
    "Armenian": "\u0530-\u058f",
    "Hebrew": "\u0590-\u05ff",
    "Arabic": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc",
    "Devanagari": "\u0900-\u097f",
    "Bengali": "\u0980-\u09ff",
    "Gurmukhi": "\u0a00-\u0a7f",
    "Gujarati": "\u0a80-\u0aff",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Kannada": "\u0c80-\u0cff",
    "Malayalam": "\u0d00-\u0d7f",
    "Thai": "\u0e00-\u0e7f",
    "Georgian": "\u10a0-\u10ff",
    "Ethiopic": "\u1200-\u137f",
    "Khmer": "\u1780-\u17ff",
    "Hangul": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "Japanese kana": "\u3040-\u30ff",
    "Chinese characters": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff",
}
OTHER_SCRIPT = "[" + "".join(SCRIPTS.values()) + "]"
"""A letter of one of these scripts; the same for `re` and for Rust's regex crate."""

_LETTER = re.compile(
    "|".join(f"(?P<s{at}>[{ranges}])" for at, ranges in enumerate(SCRIPTS.values()))
    + "|(?P<latin>[\u00c0-\u024f\u1e00-\u1eff])"
)
_NAMES = {f"s{at}": name for at, name in enumerate(SCRIPTS)} | {"latin": LATIN}

_PLAIN_LETTER = re.compile("[A-Za-z]")
LEAST_LETTERS = 12
"""Letters below which a text is in no script: a name, a formula, a sign."""

MOST_OF_IT = 0.6
"""Share of the letters that its script has to have; below, the text is mixed."""

WORDS: Mapping[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "English": "the of and to is that it for you with are this was be have not they from what "
        "would there which can will his her your how when who their been has were i my we do if "
        "she he but an or does did should could about where why me by in on as at so no into up "
        "out one some more any also than then these those its over just only make give let s t "
        "come came must him later never always now say see know go get got back time day like",
        "French": "le la les des et est une du dans que qui pour pas sur au avec ce il elle nous "
        "vous je sont par plus ne se cette mais ont aux leur un en ses tout comme était être ou "
        "ai suis mon ma mes très fait été deux faire "
        "peut même sans vers aussi",
        "German": "der die das und ist nicht ein eine zu den mit von für auf sich dem des im auch "
        "es ich sie wir wird sind als bei aus nach einen einem einer wie oder aber ihr hat war "
        "über",
        "Spanish": "el la los las de y que en un una es por con para del se su al lo como más pero "
        "sus este esta son está muy también fue ha hay cuando nos yo mi si qué cómo estoy "
        "he estaba tener puedo ti sin hasta porque nuestro nuestra cada entre sobre mi él ella",
        "Italian": "il la di che è un una per non sono con del della le gli si in da al come più "
        "ma anche nel dei alla questo questa ha ci lo sua suo essere hanno dal io mi delle",
        "Portuguese": "o a os as de que e do da em um uma para com não por mais dos das se na no "
        "é ao como mas foi ele ela seu sua ou quando muito nos já está são você isso pelo pela",
        "Dutch": "de het een en van is dat niet op te zijn met voor er aan ook als maar om bij "
        "naar wordt deze dit ik je wij hij ze werd uit heeft hebben door kan worden of over",
        "Swedish": "och att det som är en på för med av inte den till har de ett jag om man var "
        "men så vi från kan när nu där hur efter eller också ska skulle sig vad mycket",
        "Danish or Norwegian": "og det at er en til på for med av af ikke den har de et jeg om "
        "som var men så vi fra kan når der hvor etter efter eller også skal sig seg hva hvad blir",
        "Polish": "i w nie na się że z do to jest jak o co ale po tak za od jego dla czy już być "
        "są ich przez tylko może które który która oraz przy ten ta było",
        "Czech or Slovak": "a je se v na že to s z do o jsem jako ale si by tak pro jsou jsme po "
        "které který která není sa som ako nie pre sú aj alebo nebo také byl bylo",
        "Romanian": "și în de la cu nu este o un pe care să din mai că pentru se sunt ce dar au fi "
        "lui sau această acest după fost prin foarte când",
        "Turkish": "ve bir bu için ile de da olarak çok daha olan gibi ne var kadar en ama o sonra "
        "her değil mi olduğu ben sen biz onun veya hem ki",
        "Indonesian or Malay": "yang dan di ini untuk dengan itu dari dalam tidak akan pada ke "
        "adalah saya juga ada oleh atau mereka anda bisa dapat kami kita karena telah sebagai",
        "Vietnamese": "và của là có không cho được một các trong với những người này đã để khi từ "
        "như về tôi bạn ở thì cũng đến ra lại nhưng",
        "Finnish": "ja on ei se että hän oli ovat kun mutta joka tai niin myös kuin olla hänen "
        "sen minä mitä ne jos vain sitä voi ollut nyt mukaan",
        "Hungarian": "a az és hogy nem is egy van ez meg csak de volt már mint lehet vagy azt ha "
        "még ki el aki ami nagyon sem minden kell lesz",
    }.items()
}
"""Frequent function words, written down from general knowledge of each language."""

LETTERS: Mapping[str, str] = {
    "French": "œçêîûùëï",
    "German": "ßäöü",
    "Spanish": "ñ¿¡áíóú",
    "Italian": "ìòùè",
    "Portuguese": "ãõçâêô",
    "Swedish": "åäö",
    "Danish or Norwegian": "æøå",
    "Polish": "łśżźćęąńó",
    "Czech or Slovak": "řěůščžýáíť",
    "Romanian": "șțăâî",
    "Turkish": "ğşıçöü",
    "Vietnamese": "đơưạảấầẩậắặẹếềểệịọốồổộớờợụủứừựý",
    "Finnish": "äö",
    "Hungarian": "őűöüáéíóú",
}
"""Letters and marks beyond those of English that a language uses; each counts as half a word."""

_SHARED = Counter(word for words in WORDS.values() for word in words)
_WEIGHT = {word: 1 / count for word, count in _SHARED.items()}
"""A word weighs the less the more languages have it."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz")
WORD = re.compile(r"[^\W\d_]{2,}")
"""Single letters are words in some languages and initials, endings and units in others."""

LINK = re.compile(r"https?://\S+|www\.\S+")
LONGEST = 2_000
"""Characters at the beginning of a text that are read."""

LEAST_WORDS = 6
"""Words below which no language is told."""

LEAST_HITS = 3
LEAST_SHARE = 0.25
"""Different function words, and their share of all words, that a language has to have. Running text
has 0.3 to 0.5 of them."""

CLEARLY = 1.5
"""Times the score of any other language."""


def script_of(text: str) -> str:
    """The script that most letters of a text are of; "" for few letters or a mixture."""
    plain = len(_PLAIN_LETTER.findall(text))
    counts = Counter({LATIN: plain} if plain else {})
    if not text.isascii():
        counts.update(_NAMES[str(match.lastgroup)] for match in _LETTER.finditer(text))
    total = counts.total()
    if total < LEAST_LETTERS and not (total >= LEAST_LETTERS // 3 and LATIN not in counts):
        return ""
    kana = counts.pop("Japanese kana", 0)
    if kana:
        # Japanese is written in both.
        counts["Japanese"] = kana + counts.pop("Chinese characters", 0)
    name, count = counts.most_common(1)[0]
    return name if count >= MOST_OF_IT * total else ""


def language_of(text: str) -> str:
    """The language of a text in Latin script; "" where its words do not tell.

    Function words count in lower case alone: names hold them in capitals (La Rochelle, Van Dyke).
    """
    if text.isupper():
        text = text.lower()
    words = WORD.findall(LINK.sub(" ", text))
    if len(words) < LEAST_WORDS:
        return ""
    present = set(text.lower()) - _PLAIN
    scores = {
        name: sum(_WEIGHT[word] for word in words if word in known)
        + len(present.intersection(LETTERS.get(name, ""))) / 2
        for name, known in WORDS.items()
    }
    (first, best), (_, next_best) = sorted(scores.items(), key=lambda item: -item[1])[:2]
    known = [word for word in words if word in WORDS[first]]
    marks = len(present.intersection(LETTERS.get(first, "")))
    sure = len({*known}) + marks >= LEAST_HITS and len(known) >= LEAST_SHARE * len(words)
    return first if sure and best >= CLEARLY * next_best else ""


def told(text: str) -> str:
    """The language of a text, or its script where that is not Latin; "" where neither tells."""
    text = text[:LONGEST]
    script = script_of(text)
    return language_of(text) if script == LATIN else script


def usual(texts: Sequence[str]) -> str:
    """What most of these texts are written in; "" where none tells."""
    counts = Counter(filter(None, map(told, texts)))
    return counts.most_common(1)[0][0] if counts else ""


def own_words(language: str, times: int) -> str:
    """A pattern for texts with some words that only this language has, in lower case.

    It means the same to `re` and to Rust's regex crate, which stops at the last of these words.
    """
    return "[^\\x00]*?".join([_words(WORDS[language] - _of_others(language))] * times)


def foreign_words(language: str, times: int) -> str:
    """A pattern for texts with some words, or marks, that this language does not have."""
    words = _words(_of_others(language) - WORDS[language])
    marks = "".join(sorted({*"".join(LETTERS.values())} - {*LETTERS.get(language, "")}))
    return "[^\\x00]*?".join([f"(?:{words}|[{marks}])"] * times)


def _of_others(language: str) -> frozenset[str]:
    return frozenset().union(*(words for name, words in WORDS.items() if name != language))


def _words(words: frozenset[str]) -> str:
    return "[ \n](?:" + "|".join(sorted(word for word in words if len(word) > 1)) + ")[ ,.\n]"
