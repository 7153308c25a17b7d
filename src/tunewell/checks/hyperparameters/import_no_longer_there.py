"""HYP011: a script imports what the installed library no longer has."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, LogLine, Safety, Severity, Table
from tunewell.facts.script import ImportedName, imported_names
from tunewell.knowledge.renames import LIBRARIES, Import, missing, version_in_force
from tunewell.subjects.script import Script
from tunewell.subjects.versions import Versions


@check("HYP011", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("V02",))
def import_no_longer_there(
    script: Script, versions: Versions | None, *, max_imports: int = 0
) -> Iterator[Finding]:
    """The script imports a name that the version of the library in force no longer has.

    ## What it finds
    Imports of transformers, TRL, PEFT and datasets that were moved or taken out, such as
    `DataCollatorForCompletionOnlyLM` and `load_metric`.

    ## Why it matters
    The script ends at its first lines. What takes the place of the import often works in another
    way: TRL now masks the prompt by the shape of the rows, not by a collator.

    ## How it is measured
    From the script's syntax, against a table of what is gone since which version. The versions in
    force are those that are installed, or those that the project pins, or those that the table was
    verified with. More than `max_imports`, 0, are told. An import inside `try` is left alone: the
    script has thought of it.

    ## Example
    `from trl import SFTTrainer, DataCollatorForCompletionOnlyLM` with TRL 1.

    ## Fix
    What the finding names for each import.

    ## When it is wrong
    When the training machine has older versions than this one.

    ## Sources
    The published packages; the migration guide of transformers 5; the release notes of TRL. Fault
    V02 of the catalogue, reproduced with transformers 5.23 and TRL 1.16.
    """
    names = imported_names(script)
    if not any(each.module.partition(".")[0] in LIBRARIES for each in names):
        reason = "the script imports none of the training libraries"
        raise NotApplicableError(reason)
    numbers = versions.numbers if versions is not None else {}
    found: list[tuple[ImportedName, Import]] = []
    for each in names:
        row = missing(each.module, each.name, numbers)
        if row is not None and not each.guarded:
            found.append((each, row))
    if len(found) <= max_imports:
        return
    first, row = found[0]
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    yield Finding(
        message=f"{first.module} has no {first.name} since {row.package} {row.since}{more}",
        where=tuple(LogLine(file=str(script.path), line=each.line) for each, _ in found),
        evidence=(
            Table(
                name="no longer there",
                columns=("import", "gone since", "in force", "what to do"),
                rows=tuple(
                    (
                        f"{each.module}.{each.name}",
                        f"{row.package} {row.since}",
                        f"{row.package} {version_in_force(row.package, numbers)}",
                        row.what_to_do,
                    )
                    for each, row in found
                ),
                total=len(found),
            ),
        ),
        impact="the script ends with an ImportError",
        fixes=tuple(
            Fix(title=f"{each.name}: {row.what_to_do}", safety=Safety.MANUAL) for each, row in found
        ),
    )
