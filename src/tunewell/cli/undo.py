"""`tunewell undo`: take back what `check --fix` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def undo(
    folder: Annotated[Path, typer.Argument(help="Folder of the repaired files.")] = Path(),
) -> None:
    """Remove the repaired copies that the last check --fix wrote here."""
    from tunewell.fixes.files import undo as take_back

    for path in take_back(folder):
        typer.echo(f"removed: {path}")
