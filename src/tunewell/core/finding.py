"""What a check reports: plain frozen data, with nothing of torch, drawing or files in it.

Every type here is a `msgspec.Struct`, so the JSON document, its schema and its validation all
follow from the definitions below and nothing else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeAlias

import msgspec


class Severity(StrEnum):
    """How bad it is if the finding is right."""

    ERROR = "error"  # the run is wrong or wasted
    WARNING = "warning"  # probably costs quality, time or money
    INFO = "info"  # worth knowing


class Confidence(StrEnum):
    """How sure the check is that it is right."""

    HIGH = "high"  # arithmetic or a documented contract says so: right 99 times in 100
    MEDIUM = "medium"  # a measured rule says so
    LOW = "low"  # shown only with --pedantic


class Safety(StrEnum):
    """What applying a fix does to what is learned."""

    SAFE = "safe"  # what is learned cannot change
    UNSAFE = "unsafe"  # it changes: needs --unsafe-fixes
    MANUAL = "manual"  # a person must choose: shown, never applied


class Category(StrEnum):
    """What kind of trouble a check looks for."""

    CORRECTNESS = "correctness"
    SUSPICIOUS = "suspicious"
    PERFORMANCE = "performance"
    PEDANTIC = "pedantic"


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base of the document's parts: frozen, made with keywords only."""


# -- where -------------------------------------------------------------------------------------


class Row(Record, frozen=True, tag="row", tag_field="kind"):
    """A row of a data set. `index` counts rows from 0, `line` counts lines of the file from 1."""

    split: str
    index: int
    file: str | None = None
    line: int | None = None


class Key(Record, frozen=True, tag="key", tag_field="kind"):
    """A setting in a configuration file, as a dotted path."""

    path: str
    file: str | None = None
    line: int | None = None


class Steps(Record, frozen=True, tag="steps", tag_field="kind"):
    """A range of optimizer steps of one logged metric, both ends included."""

    metric: str
    first: int
    last: int


class LogLine(Record, frozen=True, tag="log_line", tag_field="kind"):
    """A line of a text log, counted from 1."""

    file: str
    line: int


class File(Record, frozen=True, tag="file", tag_field="kind"):
    """A whole file or folder."""

    path: str


class Classes(Record, frozen=True, tag="classes", tag_field="kind"):
    """One or more classes, by label name."""

    names: tuple[str, ...]


class Tensor(Record, frozen=True, tag="tensor", tag_field="kind"):
    """A named parameter of the model."""

    name: str


Location: TypeAlias = Row | Key | Steps | LogLine | File | Classes | Tensor


# -- evidence ----------------------------------------------------------------------------------


class Number(Record, frozen=True, tag="number", tag_field="kind"):
    """A measured number beside the bound it broke.

    `value` is None when it was not finite. `unit` is "" or, for example, "%", "rows", "steps",
    "bytes", "seconds". With unit "%" the value is already in per cent. `low` and `high` are the
    ends of a 95 % interval where one was computed.
    """

    name: str
    value: float | None
    bound: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None


class Mark(Record, frozen=True):
    """A point or, with `last`, a stretch to be marked on a series."""

    step: int
    text: str
    last: int | None = None


class Series(Record, frozen=True, tag="series", tag_field="kind"):
    """One metric over steps. A value is None where the logged one was not finite.

    `of` names the run that it belongs to where several lie side by side; what is before a comma in
    it is the same for runs that belong together.
    """

    name: str
    steps: tuple[int, ...]
    values: tuple[float | None, ...]
    marks: tuple[Mark, ...] = ()
    of: str = ""


class Table(Record, frozen=True, tag="table", tag_field="kind"):
    """A table cut to what a person reads; `total` is the number of rows before the cut."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]
    total: int


class Matrix(Record, frozen=True, tag="matrix", tag_field="kind"):
    """Counts of true class (row) against predicted class (column)."""

    name: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Tokens(Record, frozen=True, tag="tokens", tag_field="kind"):
    """Decoded tokens with, for each, whether it reaches the model or is trained on."""

    name: str
    pieces: tuple[str, ...]
    trained: tuple[bool, ...]


class Text(Record, frozen=True, tag="text", tag_field="kind"):
    """A quotation: a row's text, a line of a log. Secrets are already masked."""

    name: str
    text: str


class Chart(Record, frozen=True, tag="chart", tag_field="kind"):
    """A Vega-Lite specification, for what the other kinds cannot show."""

    name: str
    spec: dict[str, Any]


class Limit(Record, frozen=True):
    """A value that a stack is held against, such as the memory of a GPU."""

    name: str
    value: float


class Bar(Record, frozen=True):
    """One stacked bar: a value for each part, in the order of the parts."""

    name: str
    values: tuple[float, ...]


class Bars(Record, frozen=True, tag="bars", tag_field="kind"):
    """Stacked bars on one scale, one below the other. `unit` is that of every value."""

    name: str
    parts: tuple[str, ...]
    rows: tuple[Bar, ...]
    unit: str = ""
    limits: tuple[Limit, ...] = ()


class Stretch(Record, frozen=True):
    """A named stretch along an axis, both ends included."""

    name: str
    first: float
    last: float


class Layers(Record, frozen=True, tag="layers", tag_field="kind"):
    """Parts of a whole as they grow and shrink along an axis, stacked.

    `values` has, for each point of `at`, one value a part.
    """

    name: str
    axis: str
    at: tuple[float, ...]
    parts: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    unit: str = ""
    stretches: tuple[Stretch, ...] = ()
    limits: tuple[Limit, ...] = ()


Evidence: TypeAlias = Number | Series | Table | Matrix | Tokens | Text | Chart | Bars | Layers


# -- fixes -------------------------------------------------------------------------------------


SettingValue: TypeAlias = str | int | float | bool | tuple[str, ...] | None


class SetKey(Record, frozen=True, tag="set_key", tag_field="kind"):
    """Change one setting of the recipe. `old` is None where the setting was not written.

    A `new` of None takes the setting out. `key` is the file's own name for the setting, dotted,
    where that differs from `path`.
    """

    path: str
    old: SettingValue
    new: SettingValue
    file: str | None = None
    line: int | None = None
    key: str | None = None


class RenameKey(Record, frozen=True, tag="rename_key", tag_field="kind"):
    """Call one key of a configuration by another name; its value stays.

    `key` is the file's own name, dotted; `new` is the last part of the name that takes its place.
    """

    key: str
    new: str
    file: str | None = None
    line: int | None = None


class DropRows(Record, frozen=True, tag="drop_rows", tag_field="kind"):
    """Leave rows out of a split, by 0-based index."""

    split: str
    rows: tuple[int, ...]


class SetText(Record, frozen=True, tag="set_text", tag_field="kind"):
    """Replace one text of a row. `part` counts the row's texts from 0; a classified text is 0."""

    split: str
    row: int
    old: str
    new: str
    part: int = 0


class JoinTurns(Record, frozen=True, tag="join_turns", tag_field="kind"):
    """Make one turn of several that follow each other in a row, an empty line between their texts.

    `parts` counts the row's texts from 0, as a `SetText` does. The last one keeps its place and its
    role and takes the texts of the others, whose messages go.
    """

    split: str
    row: int
    parts: tuple[int, ...]


class SetLabel(Record, frozen=True, tag="set_label", tag_field="kind"):
    """Replace the label of some rows."""

    split: str
    rows: tuple[int, ...]
    old: str
    new: str


class AddRows(Record, frozen=True, tag="add_rows", tag_field="kind"):
    """Append copies of rows, by 0-based index; `texts`, where given, replace their first texts."""

    split: str
    of: tuple[int, ...]
    texts: tuple[str, ...] = ()


class MoveRows(Record, frozen=True, tag="move_rows", tag_field="kind"):
    """Take rows out of a split, by 0-based index, and append them to another."""

    split: str
    rows: tuple[int, ...]
    to: str


Edit: TypeAlias = (
    SetKey | RenameKey | DropRows | SetText | JoinTurns | SetLabel | AddRows | MoveRows
)


class Fix(Record, frozen=True):
    """An edit that can be applied and undone, or, without edits, advice for a person."""

    title: str
    safety: Safety
    edits: tuple[Edit, ...] = ()


class Finding(Record, frozen=True):
    """One statement with its place, evidence and fixes.

    A check fills `message`, `where`, `evidence`, `impact` and `fixes`, and severity or confidence
    where they differ from the check's own. The engine fills the rest from the `@check` decorator.
    `because_of` is the code of the finding that names this one's cause, "" where none does.
    """

    message: str
    where: tuple[Location, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    impact: str = ""
    fixes: tuple[Fix, ...] = ()
    severity: Severity | None = None
    confidence: Confidence | None = None
    code: str = ""
    name: str = ""
    family: str = ""
    category: Category | None = None
    covers: tuple[str, ...] = ()
    fingerprint: str = ""
    url: str = ""
    where_total: int = 0
    because_of: str = ""
