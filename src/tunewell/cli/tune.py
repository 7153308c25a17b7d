"""`tunewell tune`: the whole loop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common


def tune(
    project: Annotated[Path, typer.Argument(help="Project folder or training data.")] = Path(),
    evaluation: Annotated[Path | None, typer.Option("--eval", help="Evaluation data.")] = None,
    test: Annotated[Path | None, typer.Option(help="Test data.")] = None,
    text: common.TextColumn = None,
    label: common.LabelColumn = None,
    model: common.ModelFolder = None,
    hub: common.Hub = False,
    config: common.Config = None,
    runs: common.Runs = None,
    budget: Annotated[
        float | None, typer.Option(help="Seconds to spend; a training that runs is not cut off.")
    ] = None,
    moves: Annotated[int, typer.Option(min=1, help="Most changes to try.")] = 6,
    seeds: Annotated[int, typer.Option(min=2, help="Seeds of each experiment.")] = 2,
    explore: Annotated[
        bool, typer.Option("--explore", help="Also try changes that nothing speaks for.")
    ] = False,
    threads: common.Threads = None,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
    quiet: common.Quiet = False,
) -> None:
    """Improve a project by proven changes only.

    Checks, trains, diagnoses, changes one thing and proves it by a matched experiment; repeats
    until nothing helps. A healthy project is left as it is.
    """
    from tunewell.api.tune import tune as run
    from tunewell.api.workspace import open_workspace
    from tunewell.tune.limits import Limits

    workspace = open_workspace(
        project,
        evaluation=evaluation,
        test=test,
        text=text,
        label=label,
        model=model,
        hub=hub,
        config=config,
        runs=runs,
    )
    limits = Limits(seconds=budget, moves=moves, seeds=tuple(range(seeds)), explore=explore)
    document, report = run(
        workspace, limits=limits, threads=threads, progress=common.bars(quiet=quiet)
    )
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
    typer.echo(f"report: {report}", err=output_format is not common.Format.FULL)
