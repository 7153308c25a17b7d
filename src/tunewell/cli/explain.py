"""`tunewell explain`: the page of one check."""

from __future__ import annotations

from typing import Annotated

import typer


def explain(
    check: Annotated[str | None, typer.Argument(help="Code or name, such as DAT004.")] = None,
    list_all: Annotated[bool, typer.Option("--all", help="List every check.")] = False,
) -> None:
    """Show the page of a check.

    What it finds, why it matters, how it is measured and when it is wrong.
    """
    from tunewell.api.explain import index, page
    from tunewell.core.errors import SettingsError

    if list_all or check is None:
        if check is None and not list_all:
            message = "name a check, such as tunewell explain DAT004, or list them with --all"
            raise SettingsError(message)
        typer.echo(index())
        return
    typer.echo(page(check))
