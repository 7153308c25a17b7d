"""`tunewell diagnose`: after training, from what lies in the folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common

STANDARD_INPUT = Path("-")


def diagnose(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="A run or output folder, a folder of logs, a log file; - reads a pasted log."
        ),
    ],
    train: Annotated[Path | None, typer.Option(help="Training data of the run.")] = None,
    evaluation: Annotated[Path | None, typer.Option("--eval", help="Its evaluation data.")] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", help="Which of several runs (default: the newest)."),
    ] = None,
    text: common.TextColumn = None,
    label: common.LabelColumn = None,
    model: common.ModelFolder = None,
    config: common.ConfigOrRecipe = None,
    log: Annotated[Path | None, typer.Option(help="A text log or pasted traceback.")] = None,
    predictions: Annotated[Path | None, typer.Option(help="Predictions with labels.")] = None,
    select: common.Select = None,
    pedantic: common.Pedantic = False,
    fail_on: common.FailOnOption = None,
    exit_zero: common.ExitZero = False,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
) -> None:
    """Say what went wrong in a run, from its logs.

    Reads run folders of Tunewell, output folders of Hugging Face trainers, logs of LLaMA-Factory,
    Lightning, torchtune, Keras and trackers, CSV and JSON Lines with a step column, predictions,
    and printed logs with their error messages: tunewell diagnose - < err.txt
    """
    from tunewell.api.diagnose import diagnose as diagnose_run
    from tunewell.api.given import Given
    from tunewell.readers.locations import locate_named

    given = Given(
        paths=tuple(path for path in paths if path != STANDARD_INPUT),
        train=locate_named(train),
        evaluation=locate_named(evaluation),
        text=text,
        label=label,
        model=model,
        config=config,
        log=log,
        predictions=predictions,
        run=run,
        pasted=sys.stdin.buffer.read() if STANDARD_INPUT in paths else None,
    )
    settings = common.adjust(given.settings(), select=select, pedantic=pedantic, fail_on=fail_on)
    document = diagnose_run(given, settings)
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
    common.leave(document, settings, exit_zero=exit_zero)
