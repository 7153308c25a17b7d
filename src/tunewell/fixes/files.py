"""Write repaired copies beside the user's files, with a diff and a record to take them back."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from tunewell.core.atomic import write_whole
from tunewell.core.finding import (
    AddRows,
    DropRows,
    Finding,
    JoinTurns,
    MoveRows,
    RenameKey,
    Safety,
    SetKey,
    SetLabel,
    SetText,
)
from tunewell.core.mask import mask
from tunewell.core.words import counted
from tunewell.facts.parts import parts
from tunewell.fixes.merge import with_text
from tunewell.fixes.records import record_of
from tunewell.fixes.rewrite import (
    Change,
    Rewrite,
    as_row,
    changed,
    changed_row,
    raw_records,
    rewrite,
    rows_as_text,
)
from tunewell.fixes.undo import write_recorded
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.remote import RemotePath

NO_TEXTS: tuple[str, ...] = ()
TEXT_SHOWN = 200
"""Characters of a row that a diff shows where the format has no lines to quote."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply_fixes` wrote: the repaired files, their diffs, and a line about each."""

    files: tuple[Path, ...] = ()
    diffs: tuple[Path, ...] = ()
    lines: tuple[str, ...] = ()


RowEdit: TypeAlias = DropRows | SetText | JoinTurns | SetLabel | AddRows | MoveRows


@dataclass(frozen=True, slots=True)
class _Added:
    """A record that is appended to a file, and the check that wants it."""

    record: dict[str, Any]
    why: str


@dataclass(slots=True)
class _Plan:
    """The edits of one split, by the line where a row starts, with the checks that want them."""

    dropped: dict[int, list[str]]
    changed: dict[int, Change]
    reasons: dict[int, list[str]]
    added: list[_Added] = field(default_factory=list)


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
        arriving = list(_arriving(dataset, split.name, chosen))
        last = _paths(split)[-1]
        changes = _changes(split, mine)
        for rows, piece in split.by_file() if mine or arriving else ():
            place = {row: at for at, row in enumerate(rows.tolist())}
            plan = _plan(piece, mine, changes, place)
            # What is added to a split is added to its last file.
            plan.added = arriving if piece.source.path == last else []
            if not plan.dropped and not plan.changed and not plan.added:
                continue
            target, diff = _write(piece, plan, shared=_shared(piece, paths))
            files.append(target)
            diffs.append(diff)
            lines.append(f"{target}: {_told(plan)}; what changed is in {diff.name}")
    return Applied(tuple(files), tuple(diffs), tuple(lines))


def _told(plan: _Plan) -> str:
    what = [f"{counted(len(plan.dropped), 'row')} left out"] if plan.dropped else []
    what += [f"{len(plan.changed):,} changed"] if plan.changed else []
    what += [f"{len(plan.added):,} added"] if plan.added else []
    return ", ".join(what)


def _arriving(
    dataset: Dataset, name: str, chosen: Sequence[tuple[str, RowEdit]]
) -> Iterator[_Added]:
    """The records that edits add to a split, from its own rows or from those of another.

    As in `edit_dataset` they carry what is changed in their row, and dropped rows do not come.
    """
    by_name = {split.name: split for split in dataset.splits}
    gone = {
        (edit.split, row) for _, edit in chosen if isinstance(edit, DropRows) for row in edit.rows
    }
    for why, edit in chosen:
        if isinstance(edit, MoveRows) and edit.to == name and edit.split in by_name:
            rows, texts = edit.rows, NO_TEXTS
        elif isinstance(edit, AddRows) and edit.split == name:
            rows, texts = edit.of, edit.texts
        else:
            continue
        split = by_name[edit.split]
        records = _records(split, rows)
        changes = _changes(split, chosen)
        for at, row in enumerate(rows):
            if (edit.split, row) in gone:
                continue
            change = changes.get(row, Change())
            if texts:
                change = replace(change, texts={**change.texts, 0: texts[at]})
            yield _Added(changed(split.source, change, copy.deepcopy(records[row])), why)


def _changes(split: Split, chosen: Iterable[tuple[str, RowEdit]]) -> dict[int, Change]:
    """What is changed in each row of a split, by its number."""
    changes: dict[int, Change] = {}
    for _, edit in chosen:
        if not isinstance(edit, SetText | JoinTurns | SetLabel) or edit.split != split.name:
            continue
        for row in edit.rows if isinstance(edit, SetLabel) else (edit.row,):
            old = changes.get(row, Change())
            match edit:
                case SetText():
                    changes[row] = replace(old, texts=with_text(split, old.texts, edit))
                case JoinTurns():
                    changes[row] = replace(old, joins=(*old.joins, edit.parts))
                case SetLabel():
                    changes[row] = replace(old, label=edit.new)
    return changes


def _records(split: Split, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The records of rows as they stand in their file, or as they were read."""
    found: dict[int, dict[str, Any]] = {}
    for numbers, piece in split.by_file():
        place = {row: at for at, row in enumerate(numbers.tolist())}
        mine = {row: int(piece.lines[place[row]]) for row in rows if row in place}
        raw = raw_records(piece.source, set(mine.values()))
        for row, line in mine.items():
            found[row] = raw[line] if line in raw else record_of(piece, place[row])
    return found


def _paths(split: Split) -> list[Path]:
    return [source.path for source in split.sources] or [split.source.path]


def _shared(split: Split, paths: Sequence[Path]) -> str | None:
    """What tells the repaired copy of a file apart where another would get the same name."""
    path = split.source.path
    if paths.count(path) > 1:
        return split.name
    names = [other.name for other in paths if isinstance(other, RemotePath)]
    if isinstance(path, RemotePath) and names.count(path.name) > 1:
        return path.key.rpartition("/")[0].replace("/", "-")
    return None


def _write(split: Split, plan: _Plan, *, shared: str | None) -> tuple[Path, Path]:
    """Write the repaired copy of one file and its diff; `shared` goes into their names.

    The copy of a file in a store is written to the working folder.
    """
    added = [entry.record for entry in plan.added]
    suffix, content = rewrite(split, Rewrite(frozenset(plan.dropped), plan.changed, added))
    path = split.source.path
    stem = (
        path.name.removesuffix("".join(path.suffixes[-2:]))
        if path.suffix == ".gz"
        else (path.name if path.is_dir() else path.stem)
    )
    stem = f"{stem}.{shared}" if shared else stem
    home = Path() if isinstance(path, RemotePath) else path.parent
    target, diff = home / f"{stem}.fixed{suffix}", home / f"{stem}.fixed.diff"
    write_recorded(home, {target: content, diff: _diff(split, plan, target).encode()})
    return target, diff


def write_split(split: Split, original: Split, folder: Path) -> Path:
    """Write an edited split into `folder`, in its file's own format.

    Args:
        split: the rows as they are to be.
        original: the split as it was read. A row is the same where its line is: what differs in it
            is changed, what comes again is added. Extra columns come along.
        folder: the file is named as the original, or `<name>.fixed` where that lies here.

    Raises:
        UserError: if it cannot be written.
    """
    source = original.source
    row_of = {int(line): row for row, line in enumerate(original.lines)}
    changes: dict[int, Change] = {}
    added: list[tuple[int, Change]] = []
    seen: set[int] = set()
    for row, line in enumerate(map(int, split.lines)):
        change = _difference(original, row_of[line], split, row)
        if line in seen:
            added.append((row_of[line], change))
        elif change != Change():
            changes[line] = change
        seen.add(line)
    records = _records(original, [row for row, _ in added])
    copies = [changed(source, change, copy.deepcopy(records[row])) for row, change in added]
    dropped = frozenset(row_of) - seen
    suffix, content = rewrite(original, Rewrite(dropped, changes, copies))
    stem = source.path.name.partition(".")[0]
    target = folder / f"{stem}{suffix}"
    if target.resolve() == source.path.resolve():
        target = folder / f"{stem}.fixed{suffix}"
    write_whole(target, content)
    return target


def _difference(original: Split, before: int, split: Split, after: int) -> Change:
    old, new = parts(original).of_row(before), parts(split).of_row(after)
    texts = {
        at: text
        for at, ((_, was), (_, text)) in enumerate(zip(old, new, strict=True))
        if was != text
    }
    label = split.labels[after]
    return Change(texts, None if label == original.labels[before] else label)


def _edits(findings: Iterable[Finding], *, unsafe: bool) -> Iterator[tuple[str, RowEdit]]:
    allowed = {Safety.SAFE, Safety.UNSAFE} if unsafe else {Safety.SAFE}
    for finding in findings:
        fix = next((f for f in finding.fixes if f.safety in allowed and f.edits), None)
        for edit in fix.edits if fix is not None else ():
            if not isinstance(edit, SetKey | RenameKey):
                yield f"{finding.code} {finding.name}", edit


def _plan(
    split: Split,
    chosen: Sequence[tuple[str, RowEdit]],
    changes: Mapping[int, Change],
    place: Mapping[int, int],
) -> _Plan:
    """The edits that fall into one file, `split`.

    `changes` has what is changed in each row of the whole split, and `place` the row here by its
    row there.
    """
    plan = _Plan(dropped=defaultdict(list), changed={}, reasons=defaultdict(list))
    for row, change in changes.items():
        if row in place:
            plan.changed[split.lines[place[row]]] = change
    for why, edit in chosen:
        if isinstance(edit, AddRows):
            continue
        rows = (edit.row,) if isinstance(edit, SetText | JoinTurns) else edit.rows
        reasons = plan.dropped if isinstance(edit, DropRows | MoveRows) else plan.reasons
        for row in rows:
            if row in place:
                reasons[split.lines[place[row]]].append(why)
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
            out.append(f"-{split.labels[row]}: {mask(split.texts[row])[:TEXT_SHOWN]!r}\n")
            if change is not None:
                new = " / ".join(change.texts.values()) or split.texts[row]
                out.append(f"+{change.label or split.labels[row]}: {mask(new)[:TEXT_SHOWN]!r}\n")
            continue
        out += [f"-{part}\n" for part in mask(old).splitlines()]
        if change is not None:
            out += [f"+{part}\n" for part in mask(changed_row(source, old, change)).splitlines()]
    for entry in plan.added:
        out += [f"@@ added: {entry.why} @@\n", f"+{mask(as_row(source, entry.record))}\n"]
    return "".join(out).encode("utf-8", "replace").decode()
