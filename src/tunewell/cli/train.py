"""`tunewell train`: fine-tune, watched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common


def train(
    project: Annotated[Path, typer.Argument(help="Project folder or training data.")] = Path(),
    evaluation: Annotated[Path | None, typer.Option("--eval", help="Evaluation data.")] = None,
    test: Annotated[Path | None, typer.Option(help="Test data.")] = None,
    text: common.TextColumn = None,
    label: common.LabelColumn = None,
    model: common.ModelFolder = None,
    hub: common.Hub = False,
    config: common.Config = None,
    runs: common.Runs = None,
    threads: common.Threads = None,
    exit_zero: common.ExitZero = False,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
    quiet: common.Quiet = False,
) -> None:
    """Fine-tune once, watched.

    Trains an encoder for text classification by the recipe and says how it went.
    """
    from tunewell.api.train import train as run
    from tunewell.api.workspace import open_workspace

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
    document = run(workspace, threads=threads, progress=common.bars(quiet=quiet))
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
    common.leave(document, workspace.settings, exit_zero=exit_zero)
