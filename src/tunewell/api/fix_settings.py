"""Write repaired copies of the files that settings stand in, each beside its original."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
NO_NEWLINE = "\\ No newline at end of file\n"
"""What a diff says below a last line that has no break."""


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
        changed = edited(file, edits)
        lines += changed.refused
        if changed.new != changed.old:
            write_recorded(file.parent, changed.contents)
            lines.append(changed.told)
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class EditedFile:
    """A settings file before and after edits; nothing of it is written yet.

    `done` counts the edits that it took, `refused` says of each other what to change by hand.
    """

    file: Path
    old: str
    new: str
    done: int
    refused: tuple[str, ...] = ()

    @property
    def target(self) -> Path:
        """Where the changed copy goes: beside the original."""
        return self.file.with_name(f"{self.file.stem}.fixed{self.file.suffix}")

    @property
    def diff(self) -> str:
        """What changed, in the unified form; empty where nothing did."""
        lines = unified_diff(
            self.old.splitlines(keepends=True),
            self.new.splitlines(keepends=True),
            self.file.name,
            self.target.name,
        )
        return "".join(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}" for line in lines)

    @property
    def contents(self) -> dict[Path, bytes]:
        """The changed copy and the diff, by where they go."""
        diff = self.file.with_name(f"{self.file.stem}.fixed.diff")
        return {self.target: self.new.encode(), diff: self.diff.encode()}

    @property
    def told(self) -> str:
        """A line about what is written."""
        what = f"{counted(self.done, 'setting')} changed"
        return f"{self.target}: {what}; what changed is in {self.file.stem}.fixed.diff"


def edited(file: Path, edits: Sequence[SettingEdit]) -> EditedFile:
    """A settings file with the edits that it can take.

    Raises:
        UserError: if it cannot be read.
    """
    old = _read(file)
    new, done, refused = _edited(file, old, edits)
    return EditedFile(file, old, new, done, tuple(refused))


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


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        message = f"{file}: cannot be repaired: {reason}"
        raise UserError(message) from None
