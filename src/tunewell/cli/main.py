"""The `tunewell` command: every subcommand, and the one place where errors become exit statuses."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import sys
import tempfile
import traceback
from typing import Annotated

import typer

from tunewell.cli import (
    adapt,
    check,
    compare,
    diagnose,
    errors,
    explain,
    plan,
    serve,
    train,
    tune,
    undo,
)
from tunewell.cli import run as run_command
from tunewell.cli.common import EXIT_INTERNAL, EXIT_INTERRUPTED, EXIT_USAGE
from tunewell.core.errors import UserError
from tunewell.core.version import VERSION

app = typer.Typer(
    name="tunewell",
    help="Find out why a fine-tune is failing or will fail, repair it, and prove the repair.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich for the help text alone would double its time
)
COMMANDS = (check, plan, train, serve, diagnose, errors, tune, compare, adapt, explain, undo)
for command in COMMANDS:
    app.command()(getattr(command, command.__name__.rpartition(".")[2]))
app.command(context_settings=run_command.PASS_ON)(run_command.run)

STOPPED = "stopped by the keyboard; what was finished is kept"
FULL_DISK = os.strerror(errno.ENOSPC)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"tunewell {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line; every way it can end has an exit status of its own."""
    try:
        app()
    except SystemExit as end:
        if end.code == EXIT_INTERRUPTED:  # typer turns Ctrl-C into this, without a word
            _say(STOPPED)
        raise
    except UserError as error:
        _say(f"error: {error}")
        sys.exit(EXIT_USAGE)
    except KeyboardInterrupt:
        _say(STOPPED)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            _say(f"error: the disk is full ({error.filename or 'no file named'}); nothing was lost")
        else:
            _say(f"error: {error.filename or 'a file'}: {error.strerror or error}")
        sys.exit(EXIT_USAGE)
    except Exception as error:  # noqa: BLE001  the last resort: a user never sees a traceback
        if FULL_DISK in str(error):  # safetensors and Arrow tell it by errors of their own
            _say("error: the disk is full; nothing that was finished is lost")
            sys.exit(EXIT_USAGE)
        with tempfile.NamedTemporaryFile(
            "w", prefix="tunewell-", suffix=".log", delete=False, encoding="utf-8"
        ) as log:
            traceback.print_exc(file=log)
        _say(
            f"error: a fault in Tunewell itself ({type(error).__name__}: {error}); "
            f"details are in {log.name}"
        )
        sys.exit(EXIT_INTERNAL)


def run() -> None:
    """The `tunewell` command: `main`, and an end that no thread of the data engine can spoil.

    Daft's own threads may ask for the interpreter while it is being taken down, and the process
    then aborts after all its work is done: 3 of 45 runs of a loaded machine did, with daft 0.7.26.
    So everything that is to be done at the end is done, and the process ends without the rest.
    """
    status = 0
    try:
        main()
    except SystemExit as end:
        if "daft" not in sys.modules or not isinstance(end.code, int | None):
            raise
        status = end.code or 0
    if "daft" not in sys.modules:
        return
    from tunewell.facts.data_engine import wait_for_threads

    atexit.unregister(wait_for_threads)  # what it guards against is passed by below
    atexit._run_exitfuncs()  # noqa: SLF001  what the interpreter itself calls
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201  this is the command line
