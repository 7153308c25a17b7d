"""ERR004: a log ends with an exception whose cause is not known here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, LogLine, Safety, Severity, Text
from tunewell.knowledge.exceptions import KNOWN
from tunewell.subjects.log_text import LogText

LONGEST = 20_000
"""Characters of a line that are looked at; no exception text is so long."""

CONTEXT = 400
"""Characters of the line that are quoted."""

FRAME = re.compile(
    r'^(?:\[rank\d+\]: ?)?\s+File "(?P<file>.+?)", line (?P<line>\d+)(?:, in (?P<in>.+))?'
)
RAISED = re.compile(
    r"^(?:\[rank\d+\]: ?)?(?P<kind>(?:\w+\.)*(?P<name>\w*(?:Error|Exception|Interrupt|Exit)))"
    r"(?:: (?P<text>.*))?$"
)
BY_HAND = frozenset({"KeyboardInterrupt", "SystemExit"})
LAUNCHERS = frozenset({"ChildFailedError", "CalledProcessError"})
"""What torchrun and accelerate raise because a process of theirs has."""

LIBRARIES = ("site-packages", "dist-packages", "/lib/python", "\\Lib\\", "<frozen", "<__array")


@check("ERR004", category=Category.CORRECTNESS, severity=Severity.ERROR)
def unknown_exception(log: LogText, *, max_after: int = 20) -> Iterator[Finding]:
    """A log ends with an exception whose cause is not known here.

    ## What it finds
    A traceback at the end of a log, or of a text that was pasted, of which the check
    `known-exception` knows nothing: it says what was raised, and where in your own files.

    ## Why it matters
    The run ended with it. Whatever else the log shows, this comes first.

    ## How it is measured
    The last line that is an exception as Python prints it, with at most `max_after` lines of text
    behind it (20: what a progress bar, a tracker or a launcher still says; none where there is no
    traceback above it), so that an exception after which the run went on is none. One that torchrun
    or accelerate raises because one of their processes did is passed over, and so is a run that was
    stopped by hand. The frame named is the last one outside Python's own and installed packages.

    ## Example
    `KeyError: 'labelz'`, raised from train.py, line 40.

    ## Fix
    For a person to find; the line named is where to begin.

    ## When it is wrong
    When the script caught the exception, printed it and ended as planned.

    ## Sources
    No fault of the catalogue: those that are known have patterns in known-exception.
    """
    lines = [line[:LONGEST].rstrip() for line in log.lines]
    if any(known.fatal and known.pattern.search(line) for line in lines for known in KNOWN):
        return
    raised = [
        (place, match)
        for place, line in enumerate(lines)
        if (match := RAISED.match(line)) and match["name"] not in LAUNCHERS
    ]
    if not raised:
        return
    place, what = raised[-1]
    behind = [line for line in lines[place + 1 :] if line.strip()]
    frames = _frames(lines[:place])
    most = max_after if frames else 0
    if what["name"] in BY_HAND or (len(behind) > most and not _launched(behind)):
        return
    own = [frame for frame in frames if not any(part in frame[0] for part in LIBRARIES)]
    at = f", raised from {own[-1][0]}, line {own[-1][1]}" if own else ""
    inside = f" in {own[-1][2]}" if own and own[-1][2] not in {"", "<module>"} else ""
    said = f": {what['text'][:CONTEXT]}" if what["text"] else ""
    yield Finding(
        message=f"the log ends with {what['kind']}{said}{at}{inside}; its cause is not known here",
        where=(LogLine(file=str(log.path or "log"), line=place + 1),),
        evidence=tuple(
            Text(name=f"line {line} of {file}", text=within or "at the top")
            for file, line, within in own[-3:]
        ),
        impact="the run ended with it",
        fixes=(Fix(title="begin at the line that raised it", safety=Safety.MANUAL),),
    )


def _launched(behind: list[str]) -> bool:
    """Whether what follows is a launcher's report, which may be long."""
    return any(name in line for line in behind for name in LAUNCHERS)


def _frames(lines: list[str]) -> list[tuple[str, str, str]]:
    """File, line and function of the last traceback's frames."""
    starts = [place for place, line in enumerate(lines) if "Traceback (most recent" in line]
    found = (FRAME.match(line) for line in lines[starts[-1] :]) if starts else ()
    return [(match["file"], match["line"], match["in"] or "") for match in found if match]
