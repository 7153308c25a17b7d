"""ERR003: a log holds an exception whose cause is known."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    LogLine,
    Safety,
    Severity,
    Text,
)
from tunewell.knowledge.exceptions import KNOWN, KnownException
from tunewell.subjects.log_text import LogText

CONTEXT = 400
"""Characters of the line that are quoted."""


@check(
    "ERR003",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    covers=tuple(sorted({fault for known in KNOWN for fault in known.faults})),
)
def known_exception(log: LogText, *, max_line: int = 20_000) -> Iterator[Finding]:
    """A log holds an exception or a warning whose cause is known.

    ## What it finds
    Exception and warning texts of torch, transformers, PEFT, TRL, accelerate and tokenizers that
    stand for one cause, such as "Attempting to unscale FP16 gradients".

    ## Why it matters
    The text says what broke, not why. The cause is in a thread that somebody must find first.

    ## How it is measured
    Each line is held against the patterns of `tunewell.knowledge.exceptions`, in their order. Of
    several that are found the last fatal one is reported, because it ended the run, and the
    others are listed as evidence. Lines longer than `max_line` characters are cut: no exception
    text is so long, and binary output in a log is.

    ## Example
    `ValueError: Attempting to unscale FP16 gradients.`

    ## Fix
    What the entry says; it is for a person to choose.

    ## When it is wrong
    When the exception was caught and dealt with, such as a trainer that halves its batch after
    "CUDA out of memory" and goes on.

    ## Sources
    The thread named in the finding.
    """
    found: dict[str, tuple[int, KnownException]] = {}
    for number, line in enumerate(log.lines, start=1):
        for known in KNOWN:
            if known.pattern.search(line[:max_line]):
                found[known.name] = (number, known)
                break
    if not found:
        return
    number, worst = max(found.values(), key=lambda pair: (pair[1].fatal, pair[0]))
    others = sorted(pair for pair in found.values() if pair[1] is not worst)
    yield Finding(
        message=f"line {number:,}: {worst.name}: {worst.cause}",
        where=(LogLine(file=str(log.path or "log"), line=number),),
        evidence=(
            Text(name="the line", text=log.lines[number - 1].strip()[:CONTEXT]),
            *(
                Text(
                    name=f"also line {line:,}: {known.name}",
                    text=log.lines[line - 1].strip()[:CONTEXT],
                )
                for line, known in others
            ),
        ),
        impact="the run ended with it"
        if worst.fatal
        else "the run goes on, and what it makes is not what was meant",
        fixes=(Fix(title=f"{worst.fix} (told at {worst.source})", safety=Safety.MANUAL),),
        severity=Severity.ERROR if worst.fatal else Severity.WARNING,
        confidence=Confidence.HIGH if worst.fatal else Confidence.MEDIUM,
    )
