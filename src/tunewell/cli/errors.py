"""`tunewell errors`: where the model fails, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common


def errors(
    predictions: Annotated[
        Path, typer.Argument(help="Predictions with labels, or the run folder that holds them.")
    ],
    train: Annotated[Path | None, typer.Option(help="Training data, to look for causes.")] = None,
    text: common.TextColumn = None,
    label: common.LabelColumn = None,
    prediction: Annotated[
        str | None, typer.Option(help="Column that holds the prediction.")
    ] = None,
    config: common.Config = None,
    select: common.Select = None,
    pedantic: common.Pedantic = False,
    exit_zero: common.ExitZero = False,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
) -> None:
    """Find patterns among the wrong answers.

    Confused classes, weak slices and failing classes, led back to their cause in the data.
    """
    from tunewell.api.errors import errors as run
    from tunewell.api.given import settings_near

    settings = common.adjust(settings_near(predictions, config), select=select, pedantic=pedantic)
    document = run(
        predictions, train=train, text=text, label=label, prediction=prediction, settings=settings
    )
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
    common.leave(document, settings, exit_zero=exit_zero)
