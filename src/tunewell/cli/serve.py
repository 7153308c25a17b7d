"""`tunewell serve`: the live page over a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common


def serve(
    run: Annotated[Path, typer.Argument(help="A run folder, an output folder or any known log.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8090,
    host: Annotated[
        str, typer.Option(help="Address to listen on; wider than this machine needs a token.")
    ] = "127.0.0.1",
    name: Annotated[
        str | None, typer.Option("--run", help="Which run, where the log holds several.")
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for a run that has not begun yet.")
    ] = False,
    token: Annotated[
        bool, typer.Option("--token", help="Ask for a token also on this machine.")
    ] = False,
    config: common.Config = None,
) -> None:
    """Show a run in the browser while it is written: curves, findings, time left.

    It is a process of its own that only reads the log, so it can never harm the run.
    """
    import logging
    from importlib.util import find_spec

    from tunewell.core.errors import InputError, MissingExtraError

    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        message = "the live page needs Starlette and uvicorn: pip install 'tunewell[serve]'"
        raise MissingExtraError(message)
    from tunewell.api.given import settings_near
    from tunewell.readers.logs import FORMATS, find_runs, pick
    from tunewell.serve.follow import Follower
    from tunewell.serve.live_run import LiveRun
    from tunewell.serve.server import serve as show
    from tunewell.serve.sources import Reader

    found = find_runs(run) if run.exists() or not wait else ()
    if found:
        pick(found, run, name)
    elif not wait:
        kinds = ", ".join(format_.name for format_ in FORMATS)
        message = f"{run}: holds no run ({kinds}); --wait waits for one to begin"
        raise InputError(message)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a browser that leaves is no news
    live = LiveRun(name or (found[0].name if found else run.name), str(run))
    reader = Reader(run, name, live, settings_near(Path(), config))
    show(
        Follower(reader, live),
        host=host,
        port=port,
        ask_token=token,
        open_browser=not no_open,
        say=lambda text: typer.echo(f"tunewell: {text}", err=True),
    )
