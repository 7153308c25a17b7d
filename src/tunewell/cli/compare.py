"""`tunewell compare`: is the difference between two runs real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common


def compare(
    baseline: Annotated[Path, typer.Argument(help="Predictions file or run folder in use.")],
    candidate: Annotated[Path, typer.Argument(help="The one that is to replace it.")],
    config: common.Config = None,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
) -> None:
    """Say whether two models really differ.

    A paired test on the same rows, with what was repaired and what was broken.
    """
    from tunewell.api.compare import compare as run
    from tunewell.api.given import settings_near

    document = run(baseline, candidate, settings=settings_near(candidate, config))
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
