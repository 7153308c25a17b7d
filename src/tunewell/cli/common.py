"""What the commands share: options, exit statuses, and the way a document is shown."""

from __future__ import annotations

import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

if TYPE_CHECKING:
    from tunewell.core.document import Document
    from tunewell.core.progress import Progress
    from tunewell.engine.settings import Settings

EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_NOTHING_CHECKED = 3
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130


class Format(StrEnum):
    """How a document is printed."""

    FULL = "full"
    CONCISE = "concise"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"
    HTML = "html"


class FailOn(StrEnum):
    """The least severity that makes a command fail."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class EngineName(StrEnum):
    """Where the expressions over the data run."""

    NATIVE = "native"
    RAY = "ray"


EngineOption = Annotated[
    EngineName | None,
    typer.Option(
        "--engine", help="Where data is scanned: this machine (native) or a Ray cluster (ray)."
    ),
]
OutputFormat = Annotated[
    Format, typer.Option("--output-format", help="How to print what is found.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Also write it here: .html, .json, .md, .sarif, .txt."),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also list what passed and what was not run.")
]
ShowMask = Annotated[
    int, typer.Option("--show-mask", min=0, help="Show this many rows as tokens, trained or not.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", help="Only these checks: code, prefix, name, family or category."),
]
Pedantic = Annotated[bool, typer.Option("--pedantic", help="Also show low-confidence findings.")]
FailOnOption = Annotated[
    FailOn | None,
    typer.Option("--fail-on", help="Exit 1 from this severity on (default: error, if certain)."),
]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit 0 whatever is found.")]
TextColumn = Annotated[str | None, typer.Option("--text", help="Column that holds the text.")]
LabelColumn = Annotated[str | None, typer.Option("--label", help="Column that holds the label.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="Settings file (default: tunewell.toml here).")
]
ConfigOrRecipe = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file (default: tunewell.toml here), or a training configuration to check.",
    ),
]
ModelFolder = Annotated[
    str | None, typer.Option("--model", help="Model: a folder, or a hub name with --hub.")
]
Hub = Annotated[
    bool, typer.Option("--hub", help="Allow a model to be fetched from the Hugging Face hub.")
]
Runs = Annotated[
    Path | None, typer.Option("--runs", help="Folder for what is trained (default: tunewell-runs).")
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="CPU threads (default: all cores).")
]


def adjust(
    settings: Settings,
    *,
    select: list[str] | None = None,
    pedantic: bool = False,
    fail_on: FailOn | None = None,
    engine: EngineName | None = None,
) -> Settings:
    """The settings with what was said on the command line."""
    import msgspec

    from tunewell.core.finding import Confidence, Severity
    from tunewell.facts.data_engine import Engine

    changes: dict[str, object] = {}
    if engine is not None:
        changes["engine"] = Engine(engine.value)
    if select:
        changes["select"] = tuple(part for item in select for part in item.split(",") if part)
    if pedantic:
        changes["pedantic"] = True
    if fail_on is not None:
        changes["fail_on"] = Severity(fail_on.value)
        changes["fail_confidence"] = Confidence.MEDIUM
    return msgspec.structs.replace(settings, **changes)


def bars(*, quiet: bool) -> Progress:
    """Progress on stderr, or none."""
    if quiet:
        from tunewell.core.progress import Silent

        return Silent()
    from tunewell.report.progress import Bars

    return Bars()


def emit(
    document: Document,
    *,
    output_format: Format = Format.FULL,
    output: Path | None = None,
    verbose: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Print the document on stdout, or on another stream, and write it where asked."""
    from tunewell.report.render import render
    from tunewell.report.write import write

    stream = stream or sys.stdout
    if output is not None:
        write(document, output)
    text = render(
        document,
        output_format.value,
        width=shutil.get_terminal_size((80, 24)).columns,
        colour=_colour(stream),
        verbose=verbose,
    )
    stream.write(text if text.endswith("\n") else text + "\n")
    stream.flush()
    if output is not None:
        sys.stderr.write(f"written: {output}\n")


def leave(document: Document, settings: Settings, *, exit_zero: bool = False) -> None:
    """End the command with the status that the findings ask for."""
    if exit_zero:
        return
    if document.fails(severity=settings.fail_on, confidence=settings.fail_confidence):
        raise typer.Exit(EXIT_FINDINGS)
    if not document.checks_looked:
        raise typer.Exit(EXIT_NOTHING_CHECKED)


def _colour(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()
