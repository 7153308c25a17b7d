"""`tunewell adapt`: new data, new needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common


def adapt(
    new: Annotated[Path, typer.Argument(help="The new data.")],
    project: Annotated[Path, typer.Option(help="Project folder of the current model.")] = Path(),
    current: Annotated[
        Path | None, typer.Option("--current", help="Folder of the current model.")
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Say whether the data has moved; train nothing.")
    ] = False,
    keep: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the old training rows to train on again.")
    ] = 1.0,
    margin: Annotated[
        float,
        typer.Option(min=0, max=1, help="Loss of accuracy on old rows that still counts as none."),
    ] = 0.03,
    text: common.TextColumn = None,
    label: common.LabelColumn = None,
    config: common.Config = None,
    runs: common.Runs = None,
    threads: common.Threads = None,
    exit_zero: common.ExitZero = False,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
    quiet: common.Quiet = False,
) -> None:
    """Take in new data without losing the old.

    Says by a calibrated test whether the data has moved, retrains with old rows kept, and accepts
    or refuses the new model against the current one.
    """
    from tunewell.api.adapt import adapt as run
    from tunewell.api.workspace import open_workspace

    workspace = open_workspace(
        project, text=text, label=label, config=config, runs=runs, require_model=False
    )
    document = run(
        workspace,
        new,
        current=current,
        check_only=check_only,
        keep_share=keep,
        margin=margin,
        threads=threads,
        progress=common.bars(quiet=quiet),
    )
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
    common.leave(document, workspace.settings, exit_zero=exit_zero)
