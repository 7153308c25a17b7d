"""`tunewell undo`: take back what `check --fix` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def undo(
    folder: Annotated[Path, typer.Argument(help="Folder of the repaired files.")] = Path(),
) -> None:
    """Take back what check --fix wrote.

    Removes the repaired copies; the originals were never changed.
    """
    from tunewell.fixes.undo import undo as take_back

    for path in take_back(folder):
        typer.echo(f"removed: {path}")
