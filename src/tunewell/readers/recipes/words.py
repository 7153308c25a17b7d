"""What is said of a setting that cannot be used."""

from __future__ import annotations

import re

TYPE_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotes",
    "bool": "true or false",
    "null": "nothing",
    "object": "a table",
    "array": "a list",
}

LONGEST_SHOWN = 40


def mismatch(problem: str, value: object) -> str:
    """What msgspec says of a value of the wrong type, as a person would say it."""
    # msgspec says: Expected `float | null`, got `str`
    named = re.findall(r"`([^`]+)`", problem)
    wanted, got = (
        " or ".join(TYPE_WORDS.get(kind, kind) for kind in kinds.split(" | ") if kind != "null")
        for kinds in (*named, "", "")[:2]
    )
    hint = ""
    if isinstance(value, str) and _is_number(value):
        hint = f"; write {value} without quotes"
    elif isinstance(value, str):
        got = repr(value if len(value) <= LONGEST_SHOWN else f"{value[:LONGEST_SHOWN]}...")
    return f"must be {wanted}, not {got}{hint}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
