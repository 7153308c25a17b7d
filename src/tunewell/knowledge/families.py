"""Families of language models and the names of their parts, from the table beside this file."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

import msgspec

TABLE = Path(__file__).with_suffix(".toml")


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One family. The file says what each field is."""

    name: str
    types: tuple[str, ...]
    names: tuple[str, ...]
    linear: tuple[str, ...]
    relatives: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()


@functools.cache
def table() -> tuple[Family, ...]:
    """Every family known."""
    read = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return msgspec.convert(read["families"], tuple[Family, ...])


def of_type(model_type: str) -> Family | None:
    """The family of a `model_type`; None where the table does not know it."""
    return next((f for f in table() if model_type in f.types or model_type in f.relatives), None)


def of_template(template: str) -> tuple[Family, ...]:
    """The families whose own template bears this name."""
    return tuple(family for family in table() if template in family.templates)


def of_name(name: str) -> Family | None:
    """The family that the name of a checkpoint shows; None where it shows none.

    Of several words the last in the name counts: "DeepSeek-R1-Distill-Qwen-7B" is a Qwen.
    """
    folded = name.casefold().rpartition("/")[2]
    found = sorted(
        (folded.find(word), -len(word), number)
        for number, family in enumerate(table())
        for word in family.names
        if word in folded
    )
    last, end = None, 0
    for start, length, number in found:
        if start >= end:  # "bert-base" inside "distilbert-base" is no word of its own
            last, end = table()[number], start - length
    return last
