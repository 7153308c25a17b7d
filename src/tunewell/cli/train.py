"""`tunewell train`: fine-tune, watched."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunewell.cli import common

if TYPE_CHECKING:
    from tunewell.engine.settings import GuardSettings, Settings


class NotFinite(StrEnum):
    """What is done about losses, gradients and weights that are not finite, and about spikes."""

    SKIP = "skip"
    LOWER_RATE = "lower-rate"
    STOP = "stop"
    OFF = "off"


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
    guard: Annotated[
        bool, typer.Option("--guard", help="Recover: out of memory, NaN, spikes, overfitting.")
    ] = False,
    not_finite: Annotated[
        NotFinite | None,
        typer.Option(
            "--guard-not-finite",
            help="With --guard, what to do about NaN and spikes (default: skip).",
        ),
    ] = None,
    overfitting: Annotated[
        int | None,
        typer.Option(
            "--guard-overfitting",
            min=0,
            help="With --guard, evaluations past the best that end the run (default: 2, 0: off).",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a guarded run that was killed.")
    ] = False,
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
    if not guard and not resume and (not_finite is not None or overfitting is not None):
        message = "--guard-not-finite and --guard-overfitting say how to guard: add --guard"
        raise typer.BadParameter(message)
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
    document = run(
        workspace,
        threads=threads,
        progress=common.bars(quiet=quiet),
        guard=_guard(workspace.settings, not_finite, overfitting) if guard or resume else None,
        resume=resume,
    )
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
    common.leave(document, workspace.settings, exit_zero=exit_zero)


def _guard(
    settings: Settings, not_finite: NotFinite | None, overfitting: int | None
) -> GuardSettings:
    """The settings of the guard with what was said on the command line."""
    import msgspec

    changes: dict[str, object] = {}
    if not_finite is not None:
        changes |= {"not_finite": not_finite.value, "spike": not_finite.value}
    if overfitting is not None:
        changes["overfitting"] = overfitting
    return msgspec.structs.replace(settings.guard, **changes)
