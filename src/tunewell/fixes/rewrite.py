"""A data file's bytes with some rows left out or changed, everything else as it was."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from tunewell.core.errors import InputError
from tunewell.core.gzipped import unpack
from tunewell.fixes.records import record_of
from tunewell.subjects.dataset import Source, Split
from tunewell.subjects.remote import opened

JSON_WRAPPERS = ("data", "rows", "examples", "records", "items", "instances")


@dataclass(frozen=True, slots=True)
class Change:
    """New texts of one row, by number of the part, and its new label; None leaves the old one.

    `joins` are groups of parts, by their numbers before, that become one turn each.
    """

    texts: Mapping[int, str] = field(default_factory=dict)
    label: str | None = None
    joins: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What is to happen to the rows of a file, by the line where each starts.

    `added` are records that are written after the last row.
    """

    dropped: frozenset[int] = frozenset()
    changed: Mapping[int, Change] = field(default_factory=dict)
    added: Sequence[Mapping[str, Any]] = ()


def rewrite(split: Split, wanted: Rewrite) -> tuple[str, bytes]:
    """The file of a split after the rewrite.

    Rows of CSV, TSV and JSON Lines that stay as they are keep their very bytes. Rows that could
    not be read stay. A format that cannot be written in its own way becomes JSON Lines.

    Returns:
        The suffix of the new file and its content.

    Raises:
        InputError: if the file is gone or has changed since it was read.
    """
    source = split.source
    suffix = "".join(
        source.path.suffixes[-2:] if source.path.suffix == ".gz" else [source.path.suffix]
    )
    content: bytes | None = None
    if source.format in {"csv", "tsv", "jsonl"}:
        content = _by_lines(source, wanted)
    elif source.format == "json":
        content = _json(source, wanted)
    elif source.format == "parquet":
        content = _parquet(source, wanted)
    if content is None:
        return ".jsonl", _as_json_lines(split, wanted)
    if source.path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    return suffix, content


def rows_as_text(source: Source, lines: Sequence[int]) -> dict[int, str]:
    """How rows stand in their file, by line, for a diff; formats without lines give nothing."""
    if source.format not in {"csv", "tsv", "jsonl"}:
        return {}
    all_lines = _lines(source)
    ends = _ends(source, len(all_lines))
    return {line: "".join(all_lines[line - 1 : ends[line] - 1]) for line in lines if line in ends}


def raw_records(source: Source, lines: Collection[int]) -> dict[int, dict[str, Any]]:
    """The records of rows, by line, as they stand in their file; empty where it cannot be said."""
    if source.format in {"csv", "tsv", "jsonl"}:
        quoted = rows_as_text(source, sorted(lines))
        return {line: as_record(source, row.rstrip("\r\n")) for line, row in quoted.items()}
    if source.format == "parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415  0.1 s that a CSV file need not wait for

        table = pq.read_table(opened(source.path))
        wanted = sorted(lines)
        found = table.take([line - 1 for line in wanted]).to_pylist()
        return dict(zip(wanted, found, strict=True))
    rows = _json_file(source).rows if source.format == "json" else None
    if isinstance(rows, list):
        return {line: rows[line - 1] for line in lines if isinstance(rows[line - 1], dict)}
    if isinstance(rows, dict) and all(isinstance(rows.get(n), list) for n in source.columns):
        return {line: {n: rows[n][line - 1] for n in source.columns} for line in lines}
    return {}


def changed_row(source: Source, row: str, change: Change) -> str:
    """One row of a CSV, TSV or JSON Lines file with its new values."""
    body = row.rstrip("\r\n")
    end = row[len(body) :]
    return as_row(source, changed(source, change, as_record(source, body))) + end


def as_record(source: Source, body: str) -> dict[str, Any]:
    """The record of one row of a CSV, TSV or JSON Lines file, given without its line break.

    Cells beyond the named columns stand under their number.
    """
    if source.format == "jsonl":
        return cast("dict[str, Any]", json.loads(body))
    cells = next(csv.reader(io.StringIO(body, newline=""), delimiter=source.delimiter))
    names = [*source.columns, *map(str, range(len(source.columns), len(cells)))]
    return dict(zip(names, cells, strict=False))


def as_row(source: Source, record: Mapping[str, Any]) -> str:
    """A record as a row of its CSV or TSV file, or else as JSON, without its line break."""
    if source.format not in {"csv", "tsv"}:
        return json.dumps(record, ensure_ascii=False, default=str)
    further = [name for name in record if name not in source.columns and name.isdigit()]
    named = [name for name in source.columns if name in record or not further]
    out = io.StringIO(newline="")
    cells = [str(_filled(record.get(name))) for name in (*named, *further)]
    csv.writer(out, delimiter=source.delimiter, lineterminator="").writerow(cells)
    return out.getvalue()


def _filled(cell: object) -> object:
    return "" if cell is None else cell


def _read(source: Source) -> bytes:
    try:
        data = source.path.read_bytes()
    except OSError as error:
        message = f"{source.path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    return unpack(data) if source.path.suffix == ".gz" else data


def _errors(source: Source) -> str:
    return "surrogateescape" if source.encoding.startswith("utf-8") else "strict"


def _encoded(source: Source, text: str) -> bytes:
    """In the file's own encoding, or in UTF-8 where that lacks a character of a repaired text."""
    try:
        return text.encode(source.encoding, _errors(source))
    except UnicodeEncodeError:
        return text.encode()


def _lines(source: Source) -> list[str]:
    text = _read(source).decode(source.encoding, _errors(source))
    if source.format == "jsonl":
        return [line + "\n" for line in text.split("\n")[:-1]] + [text.rpartition("\n")[2]]
    lines = io.StringIO(text, newline="").readlines()
    return [*lines, ""] if text.endswith("\n") else lines


def _ends(source: Source, count: int) -> dict[int, int]:
    """By the line where a row starts, the line after its last."""
    starts = list(source.starts)
    if starts and starts[-1] > count:
        message = f"{source.path}: has changed since it was read; run the command again"
        raise InputError(message)
    return dict(zip(starts, [*starts[1:], count + 1], strict=True))


def _by_lines(source: Source, wanted: Rewrite) -> bytes:
    lines = _lines(source)
    ends = _ends(source, len(lines))
    first = source.starts[0] if source.starts else 1
    kept = lines[: first - 1]
    for start, end in ends.items():
        row = lines[start - 1 : end - 1]
        if start in wanted.changed:
            kept.append(changed_row(source, "".join(row), wanted.changed[start]))
        elif start not in wanted.dropped:
            kept.extend(row)
    if wanted.added:
        ending = "\r\n" if kept and kept[-1].endswith("\r\n") else "\n"
        if kept and kept[-1] and not kept[-1].endswith("\n"):
            kept[-1] += ending
        kept += [as_row(source, record) + ending for record in wanted.added]
    return _encoded(source, "".join(kept))


@dataclass(frozen=True, slots=True)
class _JsonFile:
    """A JSON file whose rows stand under `key` of its one object, or are all of it."""

    text: str
    value: Any
    key: str | None

    @property
    def rows(self) -> Any:  # noqa: ANN401  a list of records or an object of columns
        return self.value if self.key is None else self.value[self.key]


def _json_file(source: Source) -> _JsonFile:
    text = _read(source).decode(source.encoding, _errors(source))
    value = json.loads(text)
    key = None
    if isinstance(value, dict):
        key = next((n for n in JSON_WRAPPERS if isinstance(value.get(n), list | dict)), None)
    return _JsonFile(text, value, key)


def _json(source: Source, wanted: Rewrite) -> bytes | None:
    file = _json_file(source)
    rows, text = file.rows, file.text
    made: Any
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        made = [
            changed(source, wanted.changed.get(number, Change()), row)
            for number, row in enumerate(rows, start=1)
            if number not in wanted.dropped
        ]
        made += wanted.added
    elif isinstance(rows, dict) and all(
        isinstance(rows.get(name), list) for name in source.columns
    ):
        made = _columns(source, rows, wanted)
    else:
        return None
    if file.key is not None:
        made = file.value | {file.key: made}
    second = text[1:2000].partition("\n")[2]
    indent = len(second) - len(second.lstrip(" ")) if "\n" in text.strip()[:2000] else None
    written = json.dumps(made, ensure_ascii=text.isascii(), indent=indent)
    return _encoded(source, written + ("\n" if text.endswith("\n") else ""))


def _columns(source: Source, rows: Mapping[str, list[Any]], wanted: Rewrite) -> dict[str, Any]:
    count = len(rows[source.text_column])
    keep = [at for at in range(count) if at + 1 not in wanted.dropped]
    columns = {name: [cells[at] for at in keep] for name, cells in rows.items()}
    place = {at: new for new, at in enumerate(keep)}
    for number, change in wanted.changed.items():
        at = place.get(number - 1)
        if at is not None:
            row = {name: cells[at] for name, cells in columns.items()}
            for name, new in changed(source, change, row).items():
                columns[name][at] = new
    for record in wanted.added:
        for name, cells in columns.items():
            cells.append(record.get(name))
    return columns


def changed(source: Source, change: Change, record: dict[str, Any]) -> dict[str, Any]:
    """The record, changed in place, with its new texts and label."""
    for part, new in change.texts.items():
        # A text that is made of several in the file stays as it is; the diff shows no change.
        with contextlib.suppress(ValueError):
            source.layout.write(record, part, new)
    if change.joins:
        source.layout.join(record, change.joins)
    if change.label is not None and source.label_column is not None:
        record[source.label_column] = _like(record.get(source.label_column), change.label)
    return record


def _like(old: object, new: str) -> str | int | float:
    """A new label in the type of the old one: a number where both are."""
    if not isinstance(old, int | float):
        return new
    if new.lstrip("-").isdigit():
        return int(new)
    try:
        return float(new)
    except ValueError:
        return new


def _parquet(source: Source, wanted: Rewrite) -> bytes | None:
    import pyarrow as pa  # noqa: PLC0415  0.1 s that a CSV file need not wait for
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pq.read_table(opened(source.path))
    label = source.label_column
    relabelled = any(change.label is not None for change in wanted.changed.values())
    if label is not None and relabelled and not _holds_names(table.schema.field(label).type):
        return None  # a class id in the file stands for a name: JSON Lines holds the names
    kept = [at for at in range(table.num_rows) if at + 1 not in wanted.dropped]
    made = table.take(kept)
    if wanted.changed or wanted.added:
        places = {at: new for new, at in enumerate(kept)}
        records = made.to_pylist()
        for number, change in wanted.changed.items():
            if number - 1 in places:
                changed(source, change, records[places[number - 1]])
        made = pa.Table.from_pylist([*records, *wanted.added], schema=table.schema)
    sink = pa.BufferOutputStream()
    pq.write_table(made, sink)
    return bytes(sink.getvalue().to_pybytes())


def _holds_names(kind: Any) -> bool:  # noqa: ANN401  pyarrow has no types
    import pyarrow as pa  # noqa: PLC0415

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _as_json_lines(split: Split, wanted: Rewrite) -> bytes:
    rows: list[str] = []
    for row, line in enumerate(split.lines):
        if line in wanted.dropped:
            continue
        record = record_of(split, row)
        change = wanted.changed.get(line)
        if change is not None:
            changed(split.source, change, record)
        rows.append(json.dumps(record, ensure_ascii=False) + "\n")
    rows += [json.dumps(record, ensure_ascii=False) + "\n" for record in wanted.added]
    return "".join(rows).encode()
