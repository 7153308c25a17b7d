"""DAT081: an edit of the preprocessing is not noticed by the cache of Hugging Face datasets."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, LogLine, Safety, Severity, Table
from tunewell.facts import script as facts
from tunewell.subjects.script import Script


@check("DAT081", category=Category.SUSPICIOUS, severity=Severity.WARNING, covers=("D53",))
def stale_map_cache(script: Script, *, max_calls: int = 0) -> Iterator[Finding]:
    """Preprocessing from another file, whose edits the cache of `Dataset.map` does not notice.

    ## What it finds
    `.map(...)` or `.filter(...)` of Hugging Face datasets with a function that is imported from a
    file beside the script, and nothing that switches the cache off.

    ## Why it matters
    The cache knows such a function by the name of its module, not by what it does. After an edit
    the old result is loaded from disk without a word, and the repair of the preprocessing seems to
    change nothing.

    ## How it is measured
    From the script's syntax. It is a warning where a cache file beside the script is older than the
    module, which was therefore edited after the cache was filled; else information. More than
    `max_calls` such calls, 0, are told. datasets 5.2.0 gave the old value back after an edit.

    ## Example
    `from prepare import tokenise` and `data.map(tokenise)`.

    ## Fix
    Pass `load_from_cache_file=False` while the function changes, or a `new_fingerprint` that
    changes with it.

    ## When it is wrong
    When the data is in memory alone: then nothing is cached on disk.

    ## Sources
    Fault D53 of the catalogue; issue 3297 and pull request 8614 of Hugging Face datasets.
    """
    calls = facts.cached_maps(script)
    if not calls:
        reason = "the script maps no function of another file over a data set"
        raise NotApplicableError(reason)
    if len(calls) <= max_calls:
        return
    edited = script.cached_at is not None and any(
        call.module.changed_at > script.cached_at for call in calls
    )
    first = calls[0]
    how = (
        "and that file was edited after the cache was filled"
        if edited
        else ("and an edit of that file is not noticed by the cache")
    )
    yield Finding(
        message=f"line {first.line} maps {first.function} of {first.module.path.name}, {how}",
        where=tuple(LogLine(file=str(script.path), line=call.line) for call in calls),
        evidence=(
            Table(
                name="functions known to the cache by name",
                columns=("line", "function", "file"),
                rows=tuple((call.line, call.function, call.module.path.name) for call in calls),
                total=len(calls),
            ),
        ),
        impact="a repair of the preprocessing may have no effect, without any message",
        fixes=(
            Fix(
                title="pass load_from_cache_file=False while the function changes",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.WARNING if edited else Severity.INFO,
    )
