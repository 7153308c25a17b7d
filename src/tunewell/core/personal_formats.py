"""Formats of data about a person: what has a shape or a checksum of its own.

Names and street addresses have neither and are not looked for. A plain number is never enough: a
phone number needs the way such numbers are written or a word beside it, a card its issuer and its
check digit, so that sums and quantities stay what they are.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tunewell.core.phone_numbers import PHONE, is_nobodys, is_phone
from tunewell.core.sensitive import Sensitive, apart, digits_of

AROUND = 48
"""Characters before a number in which a word may say what it is."""

AFTER = 24
"""The same after it."""

# -- e-mail --------------------------------------------------------------------------------------

EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+/=-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9_@])"
)
RESERVED_DOMAIN = re.compile(
    r"(?i)@(?:[\w-]+\.)*(?:example\.(?:com|net|org|edu)|example|test|invalid|localhost)$"
)
MADE_UP_DOMAIN = re.compile(
    r"(?i)@(?:(?:your|my|some|the|abc|xyz|acme|foo|bar|fake|sample|test|any|dummy)[\w-]*|domain|"
    r"domainname|email|mail|company|companyname|website|site|business|organi[sz]ation|school|"
    r"university|college|store|shop|xyz|abc|address|server|host|provider)\.[a-z.]{2,8}$"
)
"""Domains that people write where they mean none; RFC 2606 reserves only those of `example`."""

ROLE = re.compile(
    r"(?i)^(?:info|support|contact|sales|admin|administrator|help|helpdesk|hello|office|service|"
    r"customer[._-]?(?:service|support|care)|feedback|jobs|careers|hr|press|media|marketing|billing|"
    r"no-?reply|do-?not-?reply|webmaster|postmaster|abuse|security|privacy|team|enquiries|inquiries|"
    r"orders|reservations|booking|git|user(?:name)?|name|your?[._-]?name|someone|somebody|test|abc|"
    r"xyz|foo|bar|e?mail|example|first[._-]?name(?:[._-]?last[._-]?name)?|"
    r"john\.?_?(?:doe|smith)?|jane\.?_?(?:doe|smith)?|j\.?doe)[0-9]{0,4}@"
)
"""Before the @: posts that are nobody's own, and names that stand for any name."""


def _email_example(value: str, _: str) -> bool:
    return bool(RESERVED_DOMAIN.search(value) or MADE_UP_DOMAIN.search(value) or ROLE.search(value))


# -- payment cards -------------------------------------------------------------------------------

CARD = re.compile(
    r"(?<![\w.,$€£#+/-])(?:[0-9]{12,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?|"
    r"3[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5})(?![\w/-]|[.,][0-9]|[ ][0-9]{3})"
)
ISSUERS: tuple[tuple[str, re.Pattern[str], bool], ...] = (
    # issuer, beginning and length, whether rare enough a form to need a word beside it
    ("Visa", re.compile(r"4(?:[0-9]{15}|[0-9]{18})$"), False),
    ("Visa", re.compile(r"4[0-9]{12}$"), True),
    (
        "Mastercard",
        re.compile(
            r"(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}$"
        ),
        False,
    ),
    ("American Express", re.compile(r"3[47][0-9]{13}$"), False),
    ("Diners Club", re.compile(r"3(?:0[0-5]|[68][0-9])[0-9]{11}$"), False),
    ("Discover", re.compile(r"6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}(?:[0-9]{3})?$"), False),
    ("JCB", re.compile(r"35(?:2[89]|[3-8][0-9])[0-9]{12}$"), False),
    ("JCB", re.compile(r"(?:2131|1800)[0-9]{11}$"), False),
    ("JCB", re.compile(r"35[0-9]{14}$"), True),
    ("UnionPay", re.compile(r"62[0-9]{14,17}$"), False),
    (
        "Maestro",
        re.compile(r"(?:50(?:18|20|38)|5[6-8][0-9]{2}|6304|6390|67[0-9]{2}|0604)[0-9]{8,15}$"),
        True,
    ),
)
CARD_WORD = re.compile(
    r"(?i)card|visa|master|amex|express|maestro|credit|debit|payment|\bcc\b|\bpay"
)
_TEST_CARDS = """
4111111111111111 4242424242424242 4012888888881881 4222222222222 4000056655665556
5555555555554444 5105105105105100 2223003122003222 5200828282828210 5454545454545454
378282246310005 371449635398431 378734493671000 6011111111111117 6011000990139424
6011000000000004 30569309025904 38520000023237 36227206271667 3056930009020004
3530111333300000 3566002020360505 6200000000000005 4000000000000002 4532015112830366
4539578763621486
"""
TEST_CARDS = frozenset(_TEST_CARDS.split())
"""Numbers that payment services publish for tests."""


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of ISO/IEC 7812."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 * (number > 9)  # noqa: PLR2004  its digit sum
    return total % 10 == 0


def _card(value: str, beside: str) -> bool:
    digits = digits_of(value)
    if not luhn(digits) or len(set(digits)) < 4:  # noqa: PLR2004  a typed row of few digits
        return False
    named = bool(CARD_WORD.search(beside))
    if not named and value.isdigit():
        return False  # one in fifty plain numbers of 16 digits passes all other tests
    return any(form.match(digits) and (named or not needs_word) for _, form, needs_word in ISSUERS)


def _card_example(value: str, _: str) -> bool:
    digits = digits_of(value)
    return digits in TEST_CARDS or "00000" in digits or "1234567" in digits


# -- bank accounts -------------------------------------------------------------------------------

IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?)"
    r"(?![A-Za-z0-9])"
)
IBAN_LENGTH: Mapping[str, int] = {
    country: int(length)
    for length, countries in {
        "15": "NO", "16": "BE", "18": "DK FI FO GL NL", "19": "MK SI",
        "20": "AT BA EE KZ LT LU XK", "21": "CH CR HR LI LV",
        "22": "BG BH DE GB GE IE ME RS VA", "23": "AE GI IL IQ TL",
        "24": "AD CZ DZ ES MD PK RO SA SE SK TN VG", "25": "LY PT ST", "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM", "28": "AL AZ BY CY DO EG GT HU LB NI PL SV",
        "29": "BR PS QA UA",
        "30": "JO KW MU", "31": "MT SC", "32": "LC", "33": "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""Length by country: the IBAN registry of SWIFT."""

_TEST_IBANS = """
GB82WEST12345698765432 GB29NWBK60161331926819 DE89370400440532013000
FR1420041010050500013M02606 ES9121000418450200051332 NL91ABNA0417164300 BE68539007547034
IT60X0542811101000000123456 CH9300762011623852957 AT611904300234573201
IE29AIBK93115212345678 DE75512108001245126199 GB33BUKB20201555555555
PT50000201231234567890154 SE4550000000058398257466
"""
TEST_IBANS = frozenset(_TEST_IBANS.split())
"""The registry's own examples and those of payment services."""


def _iban(value: str, _: str) -> bool:
    code = value.replace(" ", "").upper()
    if IBAN_LENGTH.get(code[:2]) != len(code):
        return False
    return int("".join(str(int(sign, 36)) for sign in code[4:] + code[:4])) % 97 == 1


def _iban_example(value: str, _: str) -> bool:
    return value.replace(" ", "").upper() in TEST_IBANS


# -- social security numbers ---------------------------------------------------------------------

SSN = re.compile(r"(?<![\w.+-])[0-9]{3}([- ])[0-9]{2}\1[0-9]{4}(?![\w-]|[.,][0-9])")
SSN_WORD = re.compile(r"(?i)\bssn\b|social.?security")
TEST_SSNS = frozenset(["078-05-1120", "219-09-9999", "123-45-6789", "111-22-3333", "457-55-5462"])
"""Numbers that were printed on wallet cards, in adverts and in countless forms."""


def _ssn(value: str, beside: str) -> bool:
    area, group, serial = re.split("[- ]", value)
    in_use = area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"
    return in_use and ("-" in value or bool(SSN_WORD.search(beside)))


def _ssn_example(value: str, _: str) -> bool:
    return value.replace(" ", "-") in TEST_SSNS or len(set(digits_of(value))) == 1


# -- network addresses ---------------------------------------------------------------------------

IP = re.compile(
    r"(?<![\w.:/-])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w-]|\.[0-9])|"
    r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![\w:.]))"
)
IP_WORD = re.compile(r"(?i)\bip(?:v[46])?\b|address|server|host|network|ping|router|\bdns\b")
VERSION_WORD = re.compile(
    r"(?i)(?:\bv|\bver|version|release|build|section|chapter|clause|rfc|firmware|driver)[\s.:]*$"
)
KNOWN_ADDRESSES = frozenset(
    ["1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9", "1.2.3.4", "4.3.2.1", "5.6.7.8"]
)
"""Public name servers, and what is typed where no address is meant."""

SMALL_OCTET = 32


def _ip(value: str, beside: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    if not address.is_global or address.is_multicast:
        return False
    if address.version == 4 and VERSION_WORD.search(beside.partition("\0")[0]):  # noqa: PLR2004
        return False
    # 2.10.0.3 may number a version or a section; without a word it is taken for one.
    small = all(part.isdigit() and int(part) < SMALL_OCTET for part in value.split("."))
    return not small or bool(IP_WORD.search(beside))


def _ip_example(value: str, _: str) -> bool:
    return value in KNOWN_ADDRESSES


@dataclass(frozen=True, slots=True)
class PersonalFormat:
    """One kind of personal datum; `valid` and `example` get the value and what stands beside it.

    What stands beside it is the text before, a NUL, and the text after.
    """

    kind: str
    pattern: re.Pattern[str]
    valid: Callable[[str, str], bool]
    example: Callable[[str, str], bool]
    sure: bool = False


FORMATS: tuple[PersonalFormat, ...] = (
    PersonalFormat(
        "e-mail address", EMAIL, lambda _value, _beside: True, _email_example, sure=True
    ),
    PersonalFormat("bank account", IBAN, _iban, _iban_example, sure=True),
    PersonalFormat("payment card", CARD, _card, _card_example),
    PersonalFormat("social security number", SSN, _ssn, _ssn_example),
    PersonalFormat("network address", IP, _ip, _ip_example),
    PersonalFormat("phone number", PHONE, is_phone, is_nobodys),
)
KINDS = tuple(known.kind for known in FORMATS)

SCREEN = (
    r"@[A-Za-z0-9-]+\.[A-Za-z]|[0-9](?:[ .()-]{0,3}[0-9]){6}|"
    r"[A-Za-z]{2}[0-9]{2} ?[A-Za-z0-9]{4} ?[A-Za-z0-9]{4}|"
    r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|(?:[0-9A-Fa-f]{0,4}:){3}"
)
"""Fits every text with a personal datum of these kinds; for Rust's regex crate and for `re`."""

_SCREEN = re.compile(SCREEN)


def personal_in(text: str) -> list[Sensitive]:
    """The personal data of a text, examples among them and marked, in order without overlaps."""
    if not _SCREEN.search(text):
        return []
    found: list[Sensitive] = []
    taken: list[Sensitive] = []
    for known in FORMATS:
        for match in known.pattern.finditer(text):
            start, end = match.span()
            if any(start < other.end and other.start < end for other in taken):
                continue
            value = match.group()
            beside = f"{text[max(0, start - AROUND) : start]}\0{text[end : end + AFTER]}"
            if known.valid(value, beside):
                example = known.example(value, beside)
                found.append(Sensitive(start, end, known.kind, sure=known.sure, example=example))
        taken = found.copy()
    return apart(found)
