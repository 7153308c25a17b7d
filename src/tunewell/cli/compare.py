"""`tunewell compare`: is the difference between runs or models real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common


def compare(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Two prediction files, or runs (one that holds several will do); "
            "the one in use comes first."
        ),
    ],
    metric: Annotated[
        str | None, typer.Option(help="Metric to compare runs by (default: the one they choose by)")
    ] = None,
    same_settings: Annotated[
        bool,
        typer.Option("--same-settings", help="Take the runs for repetitions of one configuration."),
    ] = False,
    config: common.Config = None,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
) -> None:
    """Say whether two models, or runs of two configurations, really differ.

    Of two prediction files, or runs that keep their predictions, a paired test on the same rows
    with what was repaired and what was broken. Of other runs, by their logs: settings that differ,
    curves, scores, and whether the difference is larger than what seeds do.
    """
    from tunewell.api.compare import compare_paths
    from tunewell.api.given import settings_near

    document = compare_paths(
        paths,
        metric=metric,
        same_settings=same_settings,
        settings=settings_near(paths[-1], config),
    )
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
