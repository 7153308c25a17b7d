"""`tunewell diagnose`: after training, from what lies in the folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common


def diagnose(
    paths: Annotated[
        list[Path],
        typer.Argument(help="A run folder, trainer_state.json, an output folder, a log."),
    ],
    train: Annotated[Path | None, typer.Option(help="Training data of the run.")] = None,
    evaluation: Annotated[Path | None, typer.Option("--eval", help="Its evaluation data.")] = None,
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

    Reads a Tunewell run folder, a Hugging Face output folder or trainer_state.json, predictions,
    or a text log with an error message.
    """
    from tunewell.api.diagnose import diagnose as run
    from tunewell.api.given import Given
    from tunewell.readers.locations import locate_named

    given = Given(
        paths=tuple(paths),
        train=locate_named(train),
        evaluation=locate_named(evaluation),
        text=text,
        label=label,
        model=model,
        config=config,
        log=log,
        predictions=predictions,
    )
    settings = common.adjust(given.settings(), select=select, pedantic=pedantic, fail_on=fail_on)
    document = run(given, settings)
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
    common.leave(document, settings, exit_zero=exit_zero)
