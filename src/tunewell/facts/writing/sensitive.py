"""Secrets and personal data in the parts of a data set, found once for several questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tunewell.core import personal_formats, secret_formats
from tunewell.core.mask import masked
from tunewell.core.sensitive import Sensitive
from tunewell.facts.memo import fact
from tunewell.facts.parts import parts
from tunewell.facts.scan import Screen, fitting
from tunewell.subjects.dataset import Split


@dataclass(frozen=True, slots=True)
class InPart:
    """What was found in one part: `part` counts the row's parts from 0, `role` is the part's."""

    row: int
    part: int
    role: int
    text: str
    found: tuple[Sensitive, ...]

    def shown(self, one: Sensitive) -> str:
        """The value as it may be shown."""
        return masked(self.text[one.start : one.end], one.kind)


@fact
def secrets(split: Split) -> tuple[InPart, ...]:
    """The parts with secrets; placeholders are left out."""
    return _find(split, secret_formats.SCREEN, secret_formats.secrets_in)


@fact
def personal(split: Split) -> tuple[InPart, ...]:
    """The parts with personal data; examples and addresses of firms are left out."""
    return _find(split, personal_formats.SCREEN, personal_formats.personal_in)


def _find(split: Split, pattern: str, find: Callable[[str], list[Sensitive]]) -> tuple[InPart, ...]:
    known = parts(split)
    row_of = known.row
    places: list[InPart] = []
    for at in fitting(split, Screen(pattern)).tolist():
        text = known.texts[at]
        found = tuple(one for one in find(text) if not one.example)
        if found:
            row = int(row_of[at])
            part = at - int(known.start[row])
            places.append(InPart(row, part, int(known.role[at]), text, found))
    return tuple(places)
