"""Phone numbers as people write them, told from sums, dates, codes and quantities."""

from __future__ import annotations

import re

from tunewell.core.sensitive import digits_of

PHONE = re.compile(
    r"(?<![\w$€£#%/:=*-])(?<![0-9][ .,])"
    r"(?:\+|00)?\(?[0-9]{1,4}\)?(?:[ .-]?(?:\(0\) ?)?\(?[0-9]{2,4}\)?)*[ .-]?[0-9]{2,8}"
    r"(?: ?(?:x|ext\.? ?)[0-9]{1,6})?"
    r"(?![\w%°/:=*]|-(?!(?:Office|Fax|Home|Work|Mobile|Cell)\b)|[.,][0-9]|[ ]?[0-9]| ?[$€£])"
)
PHONE_WORD = re.compile(
    r"(?i)\bphones?\b|telephone|\btel\b|\bmobile\b|\bcell(?:phone)?\b|\bfax\b|\bcall(?:ing)?\b|"
    r"\bdial|\bwhatsapp\b|\bhotline\b|\blandline\b|\bring\b|reach (?:me|us|him|her|them)|"
    r"\bcontact\b|answering at|my number|\bnumber is\b|\bph\b|\btext\b|\bsms\b"
)
PHONE_LABEL = re.compile(
    r"(?i)(?:phone|\btel|\bfax|\bmobile|\bcell|\bph)(?: ?(?:number|no))?\.? ?: ?$"
)
NOT_PHONE_WORD = re.compile(
    r"(?i)\b(?:order|invoice|account|case|ticket|tracking|serial|isbn|reference|ref|id|code|zip|"
    r"pin|password|licen[cs]e|vin|patent|seed|year|price|amount|total|score)s?"
    r"(?: ?(?:number|no|#)\b\.?)?(?: (?:is|was))?[\s:#]*$"
)
NORTH_AMERICA = re.compile(
    r"(?:\+?1[ .-]?)?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}([ .-]))[2-9][0-9]{2}[ .-][0-9]{4}$"
)
INTERNATIONAL = re.compile(r"(?:\+|00)[1-9]")
NATIONAL = re.compile(r"\(?0[1-9][0-9]{0,4}\)?(?:[ .-][0-9]{2,7}){1,5}$")
"""A trunk zero and groups: 07700 063 966, 0490 75 40 81, (08) 8747 6301."""

SPARE = re.compile(r"555[ .-]?01[0-9]{2}$|(?<!\d)555[ .-]?[0-9]{4}$|07700 ?900")
"""Numbers kept free for films and books in North America and in the United Kingdom."""

TOLL = re.compile(
    r"(?:\+?1[ .-]?)?\(?8(?:00|33|44|55|66|77|88)\)?[ .-][0-9]{3}[ .-]?[0-9]{4}$|"
    r"(?:0|\+44 ?)(?:80[08]|9[01])[0-9 -]{6,}$"
)
"""Free and dear numbers of firms and hotlines in North America and the United Kingdom."""

IN_ORDER = "1234567890123456789 9876543210987654321"
QUANTITY = re.compile(r"[0-9]{1,3}(?: [0-9]{3})+$")
DATE = re.compile(
    r"(?:[0-3]?[0-9][ .-][0-3]?[0-9][ .-](?:19|20)[0-9]{2}|"
    r"(?:19|20)[0-9]{2}[ .-][01]?[0-9][ .-][0-3]?[0-9]|(?:19|20)[0-9]{2} ?- ?(?:19|20)[0-9]{2})$"
)
LEAST_DIGITS, MOST_DIGITS = 7, 15
WHOLE_NUMBER, LONGEST_WHOLE = 10, 13
"""Digits of a phone number that is written without a break: fewer are a quantity, more an id."""


def is_phone(value: str, beside: str) -> bool:
    """Whether what `PHONE` fits is one, by its form and the text before and after it."""
    body = re.split(r" ?(?:x|ext)", value)[0]
    digits = digits_of(body)
    before = beside.partition("\0")[0]
    if not LEAST_DIGITS <= len(digits) <= MOST_DIGITS or DATE.match(body):
        return False
    if NOT_PHONE_WORD.search(before) or body.count("(") != body.count(")"):
        return False
    if len(set(digits)) == 1 or (body.startswith("+") and digits[0] == "0"):
        return False
    if NORTH_AMERICA.match(body) or body.startswith("+"):
        return len(digits) >= 9  # noqa: PLR2004  the shortest in use
    groups = re.findall("[0-9]+", body)
    if PHONE_WORD.search(beside):
        return _beside_a_word(body, groups, labelled=bool(PHONE_LABEL.search(before)))
    # Without a word beside it, only what is grouped after a trunk zero or 00 is a number.
    grouped = len(groups) >= 3 and len(digits) >= 9  # noqa: PLR2004
    return grouped and bool(NATIONAL.match(body) or INTERNATIONAL.match(body))


def _beside_a_word(body: str, groups: list[str], *, labelled: bool) -> bool:
    """Whether a number near a word such as "call" is written like a phone number."""
    length = sum(map(len, groups))
    if len(groups) == 1:
        return WHOLE_NUMBER <= length <= LONGEST_WHOLE
    # Groups of three after the first are how a quantity is written: 12 500 000.
    return labelled or length >= 9 or not QUANTITY.match(body)  # noqa: PLR2004


def is_nobodys(value: str, _: str) -> bool:
    """Whether it is a number of films, of a firm's hotline, or one typed to stand for any."""
    digits = digits_of(value)
    typed = "1234567" in digits or "000000" in digits or digits[-10:] in IN_ORDER
    return typed or bool(SPARE.search(value) or TOLL.match(value))
