"""`tunewell plan`: choose settings, and see whether they fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common


def plan(
    project: Annotated[Path, typer.Argument(help="Project folder or training data.")] = Path(),
    text: common.TextColumn = None,
    label: common.LabelColumn = None,
    model: common.ModelFolder = None,
    hub: common.Hub = False,
    config: common.Config = None,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
) -> None:
    """Show standard settings, and what will fit.

    Every value with its range and sources; memory by kind in closed form; the number of steps.
    """
    from tunewell.api.plan import plan as run
    from tunewell.api.workspace import open_workspace

    workspace = open_workspace(
        project,
        text=text,
        label=label,
        model=model,
        hub=hub,
        config=config,
        require_data=False,
        require_model=False,
    )
    document = run(workspace)
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
