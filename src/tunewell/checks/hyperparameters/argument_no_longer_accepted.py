"""HYP010: an argument that the installed library refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Edit,
    Finding,
    Fix,
    RenameKey,
    Safety,
    SetKey,
    Severity,
    Table,
)
from tunewell.facts.script import imports_package
from tunewell.facts.written import where
from tunewell.knowledge.renames import (
    Argument,
    Value,
    refused,
    refused_value,
    version_in_force,
)
from tunewell.subjects.recipe import Recipe, Written
from tunewell.subjects.script import Script
from tunewell.subjects.versions import Versions

Found = tuple[Written, Argument | Value]


@check(
    "HYP010",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("V02",),
    by_name=True,
)
def argument_no_longer_accepted(
    recipe: Recipe, script: Script | None, versions: Versions | None, *, max_arguments: int = 0
) -> Iterator[Finding]:
    """An argument that the version of the library in force no longer takes.

    ## What it finds
    Arguments of `TrainingArguments`, of the TRL configurations, of the trainers and of
    `from_pretrained` that were renamed or taken out, and values that an argument takes no more.

    ## Why it matters
    The run ends at once with "unexpected keyword argument", after the machine was paid for and the
    model was loaded. Most tutorials on the web were written for the old names.

    ## How it is measured
    Every written key is looked up by the class that reads it, in a table of what was renamed since
    when. The versions in force decide: those that are installed, or else those that the project's
    requirements pin, or else those that the table was verified with. More than `max_arguments`, 0,
    are told. A file that another program reads, such as a configuration of axolotl, is left alone:
    its names are its own.

    ## Example
    `TrainingArguments(evaluation_strategy="epoch")` with transformers 5.

    ## Fix
    The new name, where the value stays as it is. Otherwise the page of the argument says what to
    write.

    ## When it is wrong
    When the training machine has older versions than this one; a script that imports unsloth,
    which takes the old names of TRL, is left alone.

    ## Sources
    The signatures of the published versions; the migration guide of transformers 5; the release
    notes of TRL. Fault V02 of the catalogue, reproduced with transformers 5.23 and TRL 1.16.
    """
    if not recipe.written:
        reason = "nothing is known of what was written, only of what it amounts to"
        raise NotApplicableError(reason)
    numbers = versions.numbers if versions is not None else {}
    found = _found(recipe, numbers)
    if script is not None and imports_package(script, "unsloth"):
        found = [(each, row) for each, row in found if row.package != "trl"]
    if len(found) <= max_arguments:
        return
    each, row = found[0]
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    said = f"{each.key}={each.value!r}" if isinstance(row, Value) else each.key
    since = f"{row.package} {row.since}"
    yield Finding(
        message=f"{each.owner} takes no {said} since {since}{more}",
        where=tuple(where(each) for each, _ in found),
        evidence=(
            Table(
                name="no longer accepted",
                columns=("argument", "refused since", "in force", "what to do"),
                rows=tuple(
                    (
                        f"{each.owner}.{each.key}",
                        f"{row.package} {row.since}",
                        f"{row.package} {version_in_force(row.package, numbers)}",
                        _what_to_do(row),
                    )
                    for each, row in found
                ),
                total=len(found),
            ),
        ),
        impact="the run ends with a TypeError or ValueError before its first step",
        fixes=_fixes(recipe, found),
    )


def _found(recipe: Recipe, versions: Mapping[str, str]) -> list[Found]:
    found: list[Found] = []
    for each in recipe.written:
        row: Argument | Value | None = refused(each.owner, each.key, versions)
        if row is None and each.literal:
            row = refused_value(each.owner, each.key, each.value, versions)
        if row is not None:
            found.append((each, row))
    return found


def _what_to_do(row: Argument | Value) -> str:
    return row.what_to_do if isinstance(row, Argument) else f'write {row.argument}="{row.new}"'


def _fixes(recipe: Recipe, found: list[Found]) -> tuple[Fix, ...]:
    """The renamings in one safe fix, and each thing that a person must do in one of its own."""
    taken = {(each.owner, each.key) for each in recipe.written}
    renames: list[Edit] = []
    said: list[str] = []
    others: list[Fix] = []
    for each, row in found:
        file = str(each.place.file) if each.place.file else None
        at = each.place.key or each.key
        if isinstance(row, Value):
            edit = SetKey(
                path="optim", old=row.old, new=row.new, file=file, line=each.place.line, key=at
            )
            title = f"set {row.argument} to {row.new}, the optimizer that took its place"
            others.append(Fix(title=title, safety=Safety.UNSAFE, edits=(edit,)))
            continue
        twice = row.new is not None and (each.owner, row.new) in taken
        kept = row.value == "same" or (each.literal and row.keeps(each.value))
        if row.new is not None and kept and not twice:
            renames.append(RenameKey(key=at, new=row.new, file=file, line=each.place.line))
            said.append(f"{each.key} to {row.new}")
        elif twice:
            title = f"take out {each.key}: {row.new} is written too"
            others.append(Fix(title=title, safety=Safety.MANUAL))
        else:
            others.append(Fix(title=f"{each.key}: {row.what_to_do}", safety=Safety.MANUAL))
    together = Fix(title=f"rename {', '.join(said)}", safety=Safety.SAFE, edits=tuple(renames))
    return ((together,) if renames else ()) + tuple(others)
