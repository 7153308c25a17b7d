"""HYP026: a recipe written for an older version relies on defaults that have changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.script import imports_package
from tunewell.facts.written import where
from tunewell.knowledge.renames import Argument, defaults, holds, not_before, refused
from tunewell.subjects.recipe import Recipe, Written
from tunewell.subjects.script import Script
from tunewell.subjects.versions import Versions

INHERITS = frozenset({"SFTConfig", "DPOConfig", "GRPOConfig", "KTOConfig", "RewardConfig"})
"""Classes that have the defaults of TrainingArguments too."""


@check(
    "HYP026",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
    covers=("V03",),
)
def defaults_changed_since_written(
    recipe: Recipe, script: Script | None, versions: Versions | None, *, max_defaults: int = 0
) -> Iterator[Finding]:
    """The recipe was written for an older version, and defaults it relies on have changed since.

    ## What it finds
    A recipe that holds an argument which the library in force refuses, which shows what version it
    was written for, and leaves unwritten a setting whose default was changed after that version.

    ## Why it matters
    With the old names repaired the run starts again, but it is another run: half precision, another
    loss, longer answers, the end of long rows cut instead of their start. The loss curve differs
    and nobody changed anything.

    ## How it is measured
    Against a table of changed defaults, each with the version that changed it. Only changes at or
    after the version that refused the oldest written argument are told, more than `max_defaults`
    (0) of them: earlier ones may have been known to the writer.

    ## Example
    A GRPOConfig with `max_prompt_length`, gone in TRL 0.28, without `vllm_mode`, which changed in
    1.0.

    ## Fix
    Write each of them out, with the old value to get the old run or the new one to agree.

    ## When it is wrong
    When the recipe was brought up to date already and one old name was overlooked. A script that
    imports unsloth, which takes the old names of TRL, is left alone.

    ## Sources
    The classes of the published versions of TRL and transformers; TRL issue 5138. Fault V03 of the
    catalogue.
    """
    numbers = versions.numbers if versions is not None else {}
    old = [
        (each, row)
        for each in recipe.written
        if (row := refused(each.owner, each.key, numbers)) is not None
    ]
    if script is not None and imports_package(script, "unsloth"):
        old = [(each, row) for each, row in old if row.package != "trl"]
    if not old:
        reason = "nothing shows that the recipe was written for an older version"
        raise NotApplicableError(reason)
    written = {(each.owner, each.key) for each in recipe.written}
    rows = tuple(_changed(old, written, numbers))
    if len(rows) <= max_defaults:
        return
    first, row = old[0]
    yield Finding(
        message=(
            f"the recipe was written for {row.package} before {row.since} ({first.key}); since "
            f"then {counted(len(rows), 'default')} it relies on changed"
        ),
        where=tuple(where(each) for each, _ in old),
        evidence=(
            Table(
                name="changed defaults",
                columns=("setting", "was", "is", "since", "what it does"),
                rows=rows,
                total=len(rows),
            ),
        ),
        impact="the run differs from the one that this recipe gave before",
        fixes=(
            Fix(
                title="write out " + ", ".join(str(changed[0]) for changed in rows),
                safety=Safety.MANUAL,
            ),
        ),
    )


def _changed(
    old: list[tuple[Written, Argument]],
    written: set[tuple[str, str]],
    versions: Mapping[str, str],
) -> Iterator[tuple[str, str, str, str, str]]:
    """Defaults changed since the written version, for the classes that are written."""
    owners = {owner for owner, _ in written}
    for changed in defaults():
        readers = {changed.owner} | (INHERITS if changed.owner == "TrainingArguments" else set())
        era = [row.since for _, row in old if row.package == changed.package]
        named = any((owner, changed.argument) in written for owner in readers)
        if not readers & owners or named or not era:
            continue
        after = any(not_before(changed.since, since) for since in era)
        if after and holds(changed.package, changed.since, versions):
            library = f"{changed.package} {changed.since}"
            yield changed.argument, changed.old, changed.new, library, changed.effect
