"""What a matched experiment says, as data. How it is done is in `tunewell.proof`."""

from __future__ import annotations

from enum import StrEnum

from tunewell.core.finding import Edit, Record


class Verdict(StrEnum):
    """What a proof concludes about the change."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference shown"
    EQUIVALENT = "equivalent"
    NOT_ENOUGH = "not enough data to tell"


class Estimate(Record, frozen=True):
    """A measured share or score between 0 and 1 with its 95 % interval."""

    name: str
    value: float
    low: float
    high: float


class Proof(Record, frozen=True):
    """Control against change on the same rows with the same seeds.

    `fixed` counts row-seed pairs wrong under control and right under change, `broke` the reverse.
    `p_value` is two-sided and exact. `rows_needed` says how many evaluation rows would be needed
    to decide an effect of the size seen; None where that is not known.
    """

    title: str
    verdict: Verdict
    sentence: str
    metric: str
    control: Estimate
    change: Estimate
    difference: Estimate
    p_value: float
    fixed: int
    broke: int
    rows: int
    seeds: tuple[int, ...]
    kept: bool = False
    reason: str = ""
    edits: tuple[Edit, ...] = ()
    rows_needed: int | None = None
    seconds: float | None = None
