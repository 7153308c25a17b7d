"""Write repaired copies of the files that settings stand in, each beside its original."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import TypeAlias

from tunewell.core.errors import UserError
from tunewell.core.finding import Finding, RenameKey, Safety, SetKey
from tunewell.core.words import counted
from tunewell.fixes.config_files import CannotEditError, edit_text
from tunewell.fixes.undo import write_recorded
from tunewell.readers.recipes import write_recipe

SettingEdit: TypeAlias = SetKey | RenameKey


def fix_settings(findings: Iterable[Finding], own: Path | None, *, unsafe: bool) -> tuple[str, ...]:
    """Write a copy of each settings file with every fix of a setting, and what changed as a diff.

    The first fix of a finding counts. Where two findings want to change one setting, the worse
    finding comes first and wins.

    Args:
        findings: what was found, the worst first.
        own: the settings of Tunewell, for edits that name no file.
        unsafe: whether fixes count that change what is learned.

    Returns:
        A line for each file that was written, and for each change that a person must make.

    Raises:
        UserError: if a file cannot be read or written.
    """
    lines: list[str] = []
    for file, edits in _chosen(findings, own, unsafe=unsafe).items():
        old = _read(file)
        new, done, refused = _edited(file, old, edits)
        lines += refused
        if new != old:
            lines.append(_write(file, old, new, done))
    return tuple(lines)


def _chosen(
    findings: Iterable[Finding], own: Path | None, *, unsafe: bool
) -> dict[Path, list[SettingEdit]]:
    """The edits of each file, the first of each setting."""
    allowed = {Safety.SAFE, Safety.UNSAFE} if unsafe else {Safety.SAFE}
    chosen: dict[tuple[Path, type, str], SettingEdit] = {}
    for finding in findings:
        fix = next((f for f in finding.fixes if f.edits and f.safety in allowed), None)
        for edit in fix.edits if fix is not None else ():
            if not isinstance(edit, SetKey | RenameKey):
                continue
            file = Path(edit.file) if edit.file is not None else own
            if file is not None:
                what = edit.key if isinstance(edit, RenameKey) else edit.path
                chosen.setdefault((file, type(edit), what), edit)
    by_file: dict[Path, list[SettingEdit]] = {}
    for (file, _, _), edit in chosen.items():
        by_file.setdefault(file, []).append(edit)
    return by_file


def _edited(file: Path, old: str, edits: Sequence[SettingEdit]) -> tuple[str, int, list[str]]:
    """The new text, how many edits it carries, and a line for each that it could not take."""
    if file.suffix == ".toml":
        settings = [edit for edit in edits if isinstance(edit, SetKey)]
        return write_recipe(file, settings), len(settings), []
    # All together, so that the lines of a script stay what the edits call them.
    taken: list[SettingEdit] = []
    new, refused = old, []
    for edit in edits:
        try:
            new = edit_text(old, file.suffix, [*taken, edit])
        except CannotEditError as error:
            refused.append(f"{file}: {error}; change it by hand")
        else:
            taken.append(edit)
    return new, len(taken), refused


def _write(file: Path, old: str, new: str, done: int) -> str:
    target = file.with_name(f"{file.stem}.fixed{file.suffix}")
    diff = file.with_name(f"{file.stem}.fixed.diff")
    lines = unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), file.name, target.name
    )
    write_recorded(file.parent, {target: new.encode(), diff: "".join(lines).encode()})
    return f"{target}: {counted(done, 'setting')} changed; what changed is in {diff.name}"


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        message = f"{file}: cannot be repaired: {reason}"
        raise UserError(message) from None
