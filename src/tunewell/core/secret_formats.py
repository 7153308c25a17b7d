"""Formats of keys, tokens and passwords, and how each is told from a placeholder.

Prefixes and lengths are those that the issuers document or that their own scanners use; GitHub and
npm describe the checksum (CRC-32 in base 62) in which their tokens end.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import log2

from tunewell.core.sensitive import Sensitive, apart

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LEAST_BITS = 3.0
"""Shannon bits a character below which a key of 20 or more characters was typed, not drawn. Random
hexadecimal of 32 characters has 3.6, random base 62 of 20 characters 4.1; `xxxxxxxx` has 0."""

LEAST_BITS_PASSWORD = 2.5
"""The same for a password of 8 or more characters."""

INVENTED = re.compile(
    r"(?i)example|sample|your|placeholder|dummy|fake|change_?me|redacted|insert|replace|my_?(?:api|"
    r"secret|token|key|pass)|secret_?key|api_?key|access_?token|password|passwd|xxx|\.\.\.|\*\*\*|"
    r"<|>|\{|\}|\$|%s|0123456|1234567|abcdef(?:g|12)|(?-i:ABCDEFG)|todo|none|null|hunter2|foobar"
)
REPEATED = re.compile(r"(.)\1{4}|(..)\2{3}|(...)\3{2}")
JWT_OF_THE_MANUAL = ("John Doe", "1234567890")
"""What the token holds that jwt.io and countless tutorials show."""


def bits(text: str) -> float:
    """Shannon entropy of the characters of a text, in bits a character."""
    counts = Counter(text).values()
    return -sum(count / len(text) * log2(count / len(text)) for count in counts)


def is_placeholder(value: str, least: float = LEAST_BITS) -> bool:
    """Whether a key is one that was typed to stand for another."""
    return bool(INVENTED.search(value) or REPEATED.search(value)) or bits(value) < least


def _always(_: str) -> bool:
    return True


def _never(_: str) -> bool:
    return False


def _has_checksum(token: str) -> bool:
    """Whether the last six characters are the CRC-32 of those after the prefix, in base 62."""
    body = token.partition("_")[2]
    number = zlib.crc32(body[:-6].encode())
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = BASE62[rest] + digits
    return digits.rjust(6, "0") == body[-6:]


def _decoded(part: str) -> object:
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return None


def _is_token(value: str) -> bool:
    head = _decoded(value.split(".", maxsplit=1)[0])
    return isinstance(head, dict) and "alg" in head


def _is_token_of_the_manual(value: str) -> bool:
    body = _decoded(value.split(".")[1])
    return isinstance(body, dict) and bool({*map(str, body.values())} & {*JWT_OF_THE_MANUAL})


def _is_drawn(value: str) -> bool:
    """Whether it looks like drawn by a machine: letters and digits mixed, many bits."""
    kinds = (any(map(str.isdigit, value)), any(map(str.isalpha, value)))
    return all(kinds) and bits(value) >= LEAST_BITS


@dataclass(frozen=True, slots=True)
class SecretFormat:
    """One kind of secret.

    Attributes:
        kind: what a person calls it.
        marks: texts in lower case, one of which stands in every text that `pattern` fits.
        screen: a pattern without look-around that fits wherever `pattern` does.
        pattern: the pattern; its group "value", or all of it, is the secret.
        valid: whether what fits can be one at all.
        sure: whether the format leaves no doubt.
        example: whether the value is a placeholder.
    """

    kind: str
    marks: tuple[str, ...]
    screen: str
    pattern: re.Pattern[str]
    valid: Callable[[str], bool] = _always
    sure: Callable[[str], bool] = _always
    example: Callable[[str], bool] = is_placeholder


def _format(
    kind: str,
    marks: str,
    pattern: str,
    *,
    valid: Callable[[str], bool] = _always,
    sure: Callable[[str], bool] = _always,
    example: Callable[[str], bool] = is_placeholder,
) -> SecretFormat:
    whole = re.compile(rf"(?<![A-Za-z0-9_]){pattern}(?![A-Za-z0-9_])")
    return SecretFormat(kind, tuple(marks.split()), pattern, whole, valid, sure, example)


def _weak(value: str) -> bool:
    return is_placeholder(value, LEAST_BITS_PASSWORD)


FORMATS: tuple[SecretFormat, ...] = (
    _format("AWS access key", "akia asia", "(?:AKIA|ASIA)[A-Z2-7]{16}"),
    SecretFormat(
        "AWS secret key",
        ("aws",),
        "(?i:aws.{0,20}(?:secret|sk).{0,24}[A-Za-z0-9/+]{40})",
        re.compile(
            r"(?i)aws.{0,20}(?:secret|sk).{0,20}?[\"'=:\s](?P<value>[A-Za-z0-9/+]{40})(?![\w/+=])"
        ),
        valid=_is_drawn,
        sure=_never,
    ),
    _format(
        "GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", "gh[pousr]_[A-Za-z0-9]{36}", sure=_has_checksum
    ),
    _format("GitHub token", "github_pat_", "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    _format("GitLab token", "glpat-", "glpat-[A-Za-z0-9_-]{20,}", sure=_is_drawn),
    _format("npm token", "npm_", "npm_[A-Za-z0-9]{36}", sure=_has_checksum),
    _format("PyPI token", "pypi-", "pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    # T3BlbkFJ is "OpenAI" in base 64.
    _format("OpenAI key", "sk-", "sk-[A-Za-z0-9_-]{20,200}T3BlbkFJ[A-Za-z0-9_-]{20,200}"),
    _format("Anthropic key", "sk-ant-", "sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{80,120}"),
    _format("API key", "sk-", "sk-[A-Za-z0-9_-]{32,200}", valid=_is_drawn, sure=_never),
    _format("Google API key", "aiza", "AIza[A-Za-z0-9_-]{35}"),
    _format("Google client secret", "gocspx-", "GOCSPX-[A-Za-z0-9_-]{28}"),
    _format("Google token", "ya29.", r"ya29\.[A-Za-z0-9_-]{60,}", sure=_is_drawn),
    _format("Slack token", "xox", "xox[abeoprs]-[0-9]{8,13}-[A-Za-z0-9-]{16,}", sure=_is_drawn),
    _format(
        "Slack webhook",
        "hooks.slack.com",
        "hooks.slack.com/services/T[A-Z0-9]{7,}/B[A-Z0-9]{7,}/[A-Za-z0-9]{20,}",
    ),
    _format("Stripe live key", "k_live_", "[rs]k_live_[A-Za-z0-9]{24,}"),
    _format("Stripe test key", "k_test_", "[rs]k_test_[A-Za-z0-9]{24,}", sure=_never),
    _format("Hugging Face token", "hf_", "hf_[A-Za-z]{34}"),
    _format("SendGrid key", "sg.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    _format("Telegram token", ":aa", "[0-9]{8,10}:AA[A-Za-z0-9_-]{33}", sure=_is_drawn),
    _format("DigitalOcean token", "_v1_", "do[opr]_v1_[a-f0-9]{64}"),
    _format("Shopify token", "shp", "shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    SecretFormat(
        "private key",
        ("private key",),
        "-----BEGIN [A-Z ]{0,20}PRIVATE KEY",
        re.compile(
            r"-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----"
            r"(?P<value>[A-Za-z0-9+/=\s\\:,.-]{100,}?)(?:-----END [A-Z ]+-----|\Z)"
        ),
        example=lambda value: is_placeholder("".join(value.split())[:200]),
    ),
    _format(
        "JSON web token",
        "eyj",
        r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
        valid=_is_token,
        sure=_never,
        example=_is_token_of_the_manual,
    ),
    SecretFormat(
        "password in an address",
        ("://",),
        r"[a-z][a-z0-9+]{1,15}://[^\s:@/]{1,64}:[^\s:@/]{3,}@",
        re.compile(
            r"\b[a-z][a-z0-9+]{1,15}://[^\s:@/\"'<>]{1,64}:(?P<value>[^\s:@/\"'<>]{6,})@"
            r"(?!localhost|127\.|0\.0|(?:[\w-]+\.)*(?:example|test|invalid)\b|host\b|db\b|server\b)"
        ),
        sure=_never,
        example=_weak,
    ),
    SecretFormat(
        "bearer token",
        ("bearer",),
        "(?i:bearer +[A-Za-z0-9._~+/-]{20,})",
        re.compile(r"(?i)\bbearer +(?P<value>[A-Za-z0-9._~+/-]{20,}=*)"),
        valid=_is_drawn,
        sure=_never,
    ),
    SecretFormat(
        "password or key",
        ("key", "secret", "token", "passw"),
        r"(?i:(?:api.?key|secret|token|passwd|password)[\"']?\s?[:=]\s?[\"'][^\"'\s]{16,})",
        re.compile(
            r"(?i)(?:api[_-]?key|secret|token|passwd|password)[\"']?\s?[:=]\s?"
            r"[\"'](?P<value>[A-Za-z0-9_+/=.!@#%^&*-]{16,200})[\"']"
        ),
        valid=_is_drawn,
        sure=_never,
    ),
)

SCREEN = "|".join(f"(?:{known.screen})" for known in FORMATS)
"""Fits every text with a secret, and few others; for Rust's regex crate and for `re`."""


def secrets_in(text: str) -> list[Sensitive]:
    """The secrets of a text, placeholders among them and marked, in order without overlaps."""
    lower = text.lower()
    found: list[Sensitive] = []
    for known in FORMATS:
        if not any(mark in lower for mark in known.marks):
            continue
        group = "value" if "value" in known.pattern.groupindex else 0
        for match in known.pattern.finditer(text):
            value = match.group(group)
            if known.valid(value):
                start, end = match.span(group)
                example = known.example(value)
                sure = known.sure(value)
                found.append(Sensitive(start, end, known.kind, sure=sure, example=example))
    return apart(found)
