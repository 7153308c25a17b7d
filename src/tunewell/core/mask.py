"""Secrets and personal data are never shown: every outlet passes its text through here."""

from __future__ import annotations

import functools
import re
from typing import Any, TypeVar

import msgspec

from tunewell.core.finding import Finding
from tunewell.core.personal_formats import personal_in
from tunewell.core.secret_formats import is_placeholder, secrets_in
from tunewell.core.sensitive import Sensitive, apart

SHOWN = 4
"""Characters kept of a secret or of a datum, and never more than a quarter of it: enough to find it
again in the file."""

LONGEST = 200_000
"""Characters of one text that are looked through; what is longer is cut there when it is shown."""

CUT = re.compile(
    r"(?<![A-Za-z0-9_])(?:AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|npm_|pypi-AgE|sk-|[sr]k_live_|AIza|"
    r"GOCSPX-|xox[abeoprs]-|hf_|SG\.|eyJ)(?P<rest>[A-Za-z0-9_.-]{6,}?)(?=(?:…|\.{3})?[^A-Za-z0-9]*$)"
)
"""The beginning of a key at the end of a text that was cut to be shown."""

ESCAPE = re.compile(r"\\(?:[nrt\"']|u[0-9a-f]{4})")
NAMES_OF_THINGS = frozenset({"file", "path", "url", "fingerprint", "code", "check", "tunewell"})
"""Fields that say where something is. A path that looks like a number must still lead there."""

T = TypeVar("T")


def masked(value: str, kind: str) -> str:
    """What is shown in the place of a value: its first characters and its kind."""
    return f"{value[: min(SHOWN, len(value) // 4)]}…[{kind}]"


@functools.lru_cache(maxsize=1024)
def mask(text: str) -> str:
    """The text with every secret and every personal datum masked; placeholders stay."""
    if len(text) > LONGEST:
        text = text[:LONGEST] + "…"
    # In quoted text and in JSON a line break is two letters, which may not hide what follows them.
    plain = ESCAPE.sub(lambda match: " " * len(match.group()), text)
    found = apart(one for one in (*secrets_in(plain), *personal_in(plain)) if not one.example)
    shown = replaced(text, found, masked) if found else text
    return CUT.sub(_cut, shown)


def _cut(match: re.Match[str]) -> str:
    rest = match["rest"]
    drawn = any(map(str.isdigit, rest)) or rest.lower() != rest != rest.upper()
    return (
        masked(match.group(), "key") if drawn and not is_placeholder(rest, 2.0) else match.group()
    )


def replaced(text: str, found: list[Sensitive], by: Any) -> str:  # noqa: ANN401  a function
    """The text with each stretch replaced by `by(value, kind)`."""
    pieces: list[str] = []
    end = 0
    for one in found:
        pieces += [text[end : one.start], by(text[one.start : one.end], one.kind)]
        end = one.end
    return "".join([*pieces, text[end:]])


def mask_finding(finding: Finding) -> Finding:
    """The finding with all that it says masked, but for its edits, which have to be written.

    Edits are masked where they are shown: in documents, reports and diffs.
    """
    fixes = tuple(
        msgspec.structs.replace(fix, title=mask(fix.title)) if mask(fix.title) != fix.title else fix
        for fix in finding.fixes
    )
    return msgspec.structs.replace(
        mask_all(msgspec.structs.replace(finding, fixes=())), fixes=fixes
    )


def mask_all(value: T) -> T:
    """The same value with every string in it masked: structs, tuples, lists and mappings alike.

    A value in which nothing is masked comes back itself.
    """
    return _walk(value)  # type: ignore[no-any-return]


def _walk(value: Any) -> Any:  # noqa: ANN401  any part of a document
    if isinstance(value, str):
        # A word of an enumeration is no quotation.
        return mask(value) if type(value) is str else value
    if isinstance(value, tuple | list):
        new = [_walk(one) for one in value] if any(map(_may_hold, value)) else value
        same = all(a is b for a, b in zip(new, value, strict=True))
        return value if same else type(value)(new)
    if isinstance(value, dict):
        return {key: _walk(one) for key, one in value.items()}
    if isinstance(value, msgspec.Struct):
        changes = {}
        for name in value.__struct_fields__:
            if name in NAMES_OF_THINGS:
                continue
            old = getattr(value, name)
            new = _walk(old)
            if new is not old and new != old:
                changes[name] = new
        return msgspec.structs.replace(value, **changes) if changes else value
    return value


def _may_hold(value: object) -> bool:
    return not isinstance(value, int | float | None)
