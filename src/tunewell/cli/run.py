"""`tunewell run`: a training script, looked at before it trains."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tunewell.cli import common

if TYPE_CHECKING:
    from tunewell.core.document import Document

PASS_ON = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
}
"""What stands after the script is the script's."""


def run(
    context: typer.Context,
    script: Annotated[str, typer.Argument(help="The script (-m: a module) and its arguments.")],
    module: Annotated[
        bool, typer.Option("--module", "-m", help="SCRIPT is a module, as for python -m.")
    ] = False,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="End the script after the look.")
    ] = False,
    go_on: Annotated[bool, typer.Option("--go-on", help="Train whatever is found.")] = False,
    watch: Annotated[bool, typer.Option(help="Watch what trains and write a run folder.")] = True,
    show_mask: common.ShowMask = 0,
    config: common.Config = None,
    select: common.Select = None,
    pedantic: common.Pedantic = False,
    fail_on: common.FailOnOption = None,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
) -> None:
    """Run a training script as it is, and look at its trainer before the first step.

    The real collator, model and tokenizer are rehearsed on a copy. A certain error refuses the
    training; otherwise it goes on, watched, as if nothing had been done. The report goes to stderr.
    """
    from pathlib import Path

    from tunewell.api.given import settings_near
    from tunewell.api.run import Gate
    from tunewell.api.run import run as start

    settings = common.adjust(
        settings_near(Path(), config), select=select, pedantic=pedantic, fail_on=fail_on
    )

    def tell(document: Document) -> None:
        common.emit(
            document,
            output_format=output_format,
            output=output,
            verbose=verbose,
            stream=sys.stderr,
        )

    gate = Gate(
        settings=settings,
        tell=tell,
        say=lambda text: typer.echo(f"tunewell: {text}", err=True),
        check_only=check_only,
        go_on=go_on,
        watch=watch,
        show_mask=show_mask,
    )
    status = start(script, context.args, gate, module=module)
    if status:
        raise typer.Exit(status)
