"""Write repaired copies beside the user's files, with a diff and a record to take them back."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunewell.core.atomic import write_whole
from tunewell.core.errors import UserError
from tunewell.core.finding import DropRows, Finding, Safety, SetKey, SetLabel, SetText
from tunewell.core.words import counted
from tunewell.fixes.rewrite import Change, Rewrite, changed_row, rewrite, rows_as_text
from tunewell.subjects.dataset import Dataset, Split

RECORD = Path(".tunewell") / "undo.json"
TEXT_SHOWN = 200
"""Characters of a row that a diff shows where the format has no lines to quote."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply_fixes` wrote: the repaired files, their diffs, and a line about each."""

    files: tuple[Path, ...] = ()
    diffs: tuple[Path, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(slots=True)
class _Plan:
    """The edits of one split, by the line where a row starts, with the checks that want them."""

    dropped: dict[int, list[str]]
    changed: dict[int, Change]
    reasons: dict[int, list[str]]


def apply_fixes(findings: Iterable[Finding], dataset: Dataset, *, unsafe: bool) -> Applied:
    """Write a repaired copy of each data file that a fix changes.

    `train.csv` becomes `train.fixed.csv`, with `train.fixed.diff` beside it and a record in
    `.tunewell/undo.json`. The original stays as it is. Of each finding the first fix that may be
    applied is: safe ones always, unsafe ones with `unsafe`, manual ones never.

    Raises:
        UserError: if a file cannot be written, or one of that name is there that is not ours.
    """
    chosen = list(_edits(findings, unsafe=unsafe))
    files: list[Path] = []
    diffs: list[Path] = []
    lines: list[str] = []
    paths = [path for split in dataset.splits for path in _paths(split)]
    for split in dataset.splits:
        mine = [(why, edit) for why, edit in chosen if edit.split == split.name]
        for rows, piece in split.by_file() if mine else ():
            plan = _plan(piece, mine, {row: at for at, row in enumerate(rows.tolist())})
            if not plan.dropped and not plan.changed:
                continue
            shared = paths.count(piece.source.path) > 1
            target, diff = _write(piece, plan, shared=shared)
            files.append(target)
            diffs.append(diff)
            what = [f"{counted(len(plan.dropped), 'row')} left out"] if plan.dropped else []
            what += [f"{len(plan.changed):,} changed"] if plan.changed else []
            lines.append(f"{target}: {', '.join(what)}; what changed is in {diff.name}")
    return Applied(tuple(files), tuple(diffs), tuple(lines))


def _paths(split: Split) -> list[Path]:
    return [source.path for source in split.sources] or [split.source.path]


def _write(split: Split, plan: _Plan, *, shared: bool) -> tuple[Path, Path]:
    """Write the repaired copy of one file and its diff; `shared` if it holds other splits too."""
    suffix, content = rewrite(split, Rewrite(frozenset(plan.dropped), plan.changed))
    path = split.source.path
    stem = (
        path.name.removesuffix("".join(path.suffixes[-2:]))
        if path.suffix == ".gz"
        else (path.name if path.is_dir() else path.stem)
    )
    stem = f"{stem}.{split.name}" if shared else stem
    target = path.with_name(f"{stem}.fixed{suffix}")
    diff = path.with_name(f"{stem}.fixed.diff")
    write_recorded(path.parent, {target: content, diff: _diff(split, plan, target).encode()})
    return target, diff


def undo(folder: Path) -> tuple[Path, ...]:
    """Remove what `apply_fixes` wrote in a folder, and give the paths that were removed.

    A file that was changed after it was written is left where it is.

    Raises:
        UserError: if nothing is recorded there, or a file cannot be removed.
    """
    record = folder / RECORD
    written = _read_record(record)
    if not written:
        message = f"{folder}: nothing to undo: no {RECORD} with repaired files"
        raise UserError(message)
    removed: list[Path] = []
    kept: dict[str, str] = {}
    for name, digest in written.items():
        path = folder / name
        if not path.is_file():
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            kept[name] = digest
            continue
        try:
            path.unlink()
        except OSError as error:
            message = f"{path}: cannot be removed: {error.strerror}"
            raise UserError(message) from None
        removed.append(path)
    if kept and not removed:
        message = f"{folder}: {', '.join(kept)} was changed after it was written and is left there"
        raise UserError(message)
    if kept:
        _write_record(record, kept)
    else:
        record.unlink(missing_ok=True)
        if not any(record.parent.iterdir()):
            record.parent.rmdir()
    return tuple(removed)


def write_split(split: Split, folder: Path) -> Path:
    """Write the rows that an edited split still has into `folder`, in its file's own format.

    Rows are found by the lines that the split kept; extra columns come along. The file is named
    as the original, or `<name>.fixed` where that is the original itself.

    Raises:
        UserError: if it cannot be written.
    """
    source = split.source
    broken = {row.line for row in split.broken}
    dropped = frozenset(source.starts) - set(split.lines) - broken
    suffix, content = rewrite(split, Rewrite(dropped=dropped))
    stem = source.path.name.partition(".")[0]
    target = folder / f"{stem}{suffix}"
    if target.resolve() == source.path.resolve():
        target = folder / f"{stem}.fixed{suffix}"
    write_whole(target, content)
    return target


def _edits(
    findings: Iterable[Finding], *, unsafe: bool
) -> Iterator[tuple[str, DropRows | SetText | SetLabel]]:
    allowed = {Safety.SAFE, Safety.UNSAFE} if unsafe else {Safety.SAFE}
    for finding in findings:
        fix = next((f for f in finding.fixes if f.safety in allowed and f.edits), None)
        for edit in fix.edits if fix is not None else ():
            if not isinstance(edit, SetKey):
                yield f"{finding.code} {finding.name}", edit


def _plan(
    split: Split,
    chosen: Iterable[tuple[str, DropRows | SetText | SetLabel]],
    place: Mapping[int, int],
) -> _Plan:
    """The edits that fall into one file; `place` gives the row there by its row in the split."""
    plan = _Plan(dropped=defaultdict(list), changed={}, reasons=defaultdict(list))
    for why, edit in chosen:
        rows = (edit.row,) if isinstance(edit, SetText) else edit.rows
        for line in (split.lines[place[row]] for row in rows if row in place):
            if isinstance(edit, DropRows):
                plan.dropped[line].append(why)
                continue
            old = plan.changed.get(line, Change())
            plan.changed[line] = (
                Change({**old.texts, edit.part: edit.new}, old.label)
                if isinstance(edit, SetText)
                else Change(old.texts, edit.new)
            )
            plan.reasons[line].append(why)
    for line in plan.dropped:
        plan.changed.pop(line, None)
    return plan


def _diff(split: Split, plan: _Plan, target: Path) -> str:
    source = split.source
    lines = sorted({*plan.dropped, *plan.changed})
    quoted = rows_as_text(source, lines)
    row_of = {line: row for row, line in enumerate(split.lines)}
    out = [f"--- {source.path.name}\n", f"+++ {target.name}\n"]
    for line in lines:
        why = ", ".join(dict.fromkeys(plan.dropped.get(line) or plan.reasons[line]))
        out.append(f"@@ line {line}: {why} @@\n")
        row = row_of[line]
        change = plan.changed.get(line)
        old = quoted.get(line)
        if old is None:
            out.append(f"-{split.labels[row]}: {split.texts[row][:TEXT_SHOWN]!r}\n")
            if change is not None:
                new = " / ".join(change.texts.values()) or split.texts[row]
                out.append(f"+{change.label or split.labels[row]}: {new[:TEXT_SHOWN]!r}\n")
            continue
        out += [f"-{part}\n" for part in old.splitlines()]
        if change is not None:
            out += [f"+{part}\n" for part in changed_row(source, old, change).splitlines()]
    return "".join(out).encode("utf-8", "replace").decode()


def write_recorded(folder: Path, contents: Mapping[Path, bytes]) -> None:
    """Write files into `folder` so that `undo` can take them back.

    They are noted before they are written: a kill between the two leaves a record that can be used.

    Raises:
        UserError: if a file cannot be written, or one of that name is there that is not ours.
    """
    record = folder / RECORD
    written = _read_record(record)
    for path in contents:
        if path.exists() and path.name not in written:
            message = f"{path}: is there already and was not written by Tunewell; move it away"
            raise UserError(message)
    digests = {path.name: hashlib.sha256(data).hexdigest() for path, data in contents.items()}
    _write_record(record, written | digests)
    for path, data in contents.items():
        write_whole(path, data)


def _write_record(record: Path, written: dict[str, str]) -> None:
    value: dict[str, Any] = {"schema": 1, "written": written}
    write_whole(record, json.dumps(value, indent=1) + "\n")


def _read_record(record: Path) -> dict[str, str]:
    try:
        value = json.loads(record.read_text(encoding="utf-8"))
        return {str(name): str(digest) for name, digest in value["written"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        message = f"{record}: cannot be read; delete it if you do not need to undo"
        raise UserError(message) from None
