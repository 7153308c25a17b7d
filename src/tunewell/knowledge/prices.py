"""Public prices of rented GPUs, from the table beside this file or from a file of the user's own.

The table is dated row by row and grows old: a report says how old. A user's file replaces it whole.
It is TOML, with the same fields as `prices.toml`, or CSV with a head line of the same names:

    gpu,provider,on_demand,spot,date
    H100,our cluster,1.20,,2026-11-01
    A100-80GB,our cluster,0.70,0.35,2026-11-01

`gpu` is any name that `tunewell.knowledge.gpus.resolve` finds; where it means several GPUs, the
note of the price says which was taken. Prices are in US dollars for one GPU and hour. `gpu`, `date`
and one of `on_demand` and `spot` must be there.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import io
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import msgspec

from tunewell.knowledge import gpus

TABLE = Path(__file__).with_suffix(".toml")

_HEADING = re.compile(r"^[ \t]*\[\[[ \t]*prices[ \t]*\]\]", re.MULTILINE)


class PriceFileError(ValueError):
    """A file of prices cannot be read. The message is one sentence with the file and the line."""


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one GPU costs for an hour, in US dollars. `prices.toml` says what each field is."""

    gpu: str
    provider: str
    date: dt.date
    source: str
    on_demand: float | None = None
    on_demand_to: float | None = None
    spot: float | None = None
    count: int = 1
    note: str | None = None

    def age_in_days(self, today: dt.date) -> int:
        """Days since the date of the price."""
        return (today - self.date).days


@functools.cache
def table() -> tuple[Price, ...]:
    """The prices that come with Tunewell."""
    return read(TABLE)


def read(path: Path) -> tuple[Price, ...]:
    """Prices from a user's own TOML or CSV file, with GPUs under the names of `gpus.toml`.

    Raises:
        PriceFileError: if the file is missing, is neither TOML nor CSV, or has a row that cannot be
            right: an unknown GPU or field, a price that is no positive number, no date.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        message = f"prices cannot be read from {path}: {reason}"
        raise PriceFileError(message) from error
    suffix = path.suffix.casefold()
    if suffix == ".csv":
        rows = _csv_rows(text, path)
    elif suffix == ".toml":
        rows = _toml_rows(text, path)
    else:
        message = f"prices are read from .toml and .csv files, and {path} is neither"
        raise PriceFileError(message)
    found = tuple(row.price(path) for row in rows)
    if not found:
        message = f"{path} holds no prices: it needs [[prices]] in TOML, or rows in CSV"
        raise PriceFileError(message)
    return found


@dataclass(frozen=True, slots=True)
class _Row:
    """One row as it stands in a file, and where."""

    place: str
    values: Mapping[str, object]

    def price(self, path: Path) -> Price:
        unknown = sorted(set(self.values) - set(Price.__struct_fields__))
        if unknown:
            known = ", ".join(Price.__struct_fields__)
            self.fail(f"{unknown[0]!r} is no field of a price; there are {known}")
        gpu = self.gpu()
        found = Price(
            gpu=gpu.gpu.name,
            provider=self.text("provider") or path.stem,
            date=self.date(),
            source=self.text("source") or path.name,
            on_demand=self.dollars("on_demand"),
            on_demand_to=self.dollars("on_demand_to"),
            spot=self.dollars("spot"),
            count=self.count(),
            note=self.text("note") or gpu.assumed,
        )
        if found.on_demand is None and found.spot is None:
            self.fail("a price needs on_demand or spot")
        if found.on_demand_to is not None and found.on_demand_to < (found.on_demand or math.inf):
            self.fail("on_demand_to is the upper end of on_demand, and is not above it")
        return found

    def fail(self, reason: str) -> NoReturn:
        message = f"{self.place}: {reason}"
        raise PriceFileError(message)

    def gpu(self) -> gpus.Resolved:
        name = self.text("gpu")
        if name is None:
            self.fail("a price needs the name of its GPU in the field gpu")
        try:
            return gpus.resolve(name)
        except gpus.UnknownGpuError as error:
            self.fail(str(error))

    def text(self, field: str) -> str | None:
        value = self.values.get(field)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            self.fail(f"{field} is text, not {value!r}")
        return value.strip() or None

    def dollars(self, field: str) -> float | None:
        value = self.values.get(field)
        if value is None or value == "":
            return None
        try:
            number = float(value) if isinstance(value, int | float | str) else math.nan
        except ValueError:
            number = math.nan
        if isinstance(value, bool) or not 0 < number < math.inf:
            self.fail(f"{field} is a number of dollars above 0, not {value!r}")
        return number

    def count(self) -> int:
        value = self.values.get("count")
        if value is None or value == "":
            return 1
        if isinstance(value, str) and value.strip().isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self.fail(f"count is a whole number of GPUs from 1 on, not {value!r}")
        return value

    def date(self) -> dt.date:
        value = self.values.get("date")
        if isinstance(value, dt.datetime):
            return value.date()
        if isinstance(value, dt.date):
            return value
        try:
            return dt.date.fromisoformat(str(value or "").strip())
        except ValueError:
            reason = "a price needs the day that it is from, as in 2026-11-27"
            self.fail(f"{reason}, not {value!r}" if value else reason)


def _csv_rows(text: str, path: Path) -> Iterator[_Row]:
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True, strict=True)
    try:
        for row in reader:
            place = f"{path}, line {reader.line_num}"
            if None in row:
                message = f"{place}: the row has more fields than the head line has names"
                raise PriceFileError(message)
            yield _Row(place, row)
    except csv.Error as error:
        message = f"{path}, line {reader.reader.line_num}: it is not CSV: {error}"
        raise PriceFileError(message) from error


def _toml_rows(text: str, path: Path) -> Iterator[_Row]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{path} is not TOML: {error}"
        raise PriceFileError(message) from error
    rows = document.get("prices", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        message = f"{path}: prices are a list of tables, each under [[prices]]"
        raise PriceFileError(message)
    lines = [text.count("\n", 0, found.start()) + 1 for found in _HEADING.finditer(text)]
    for number, row in enumerate(rows):
        # Rows may also be written in one line, prices = [{...}], where only their number is known.
        exact = len(lines) == len(rows)
        yield _Row(f"{path}, line {lines[number]}" if exact else f"{path}, row {number + 1}", row)
