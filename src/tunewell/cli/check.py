"""`tunewell check`: before training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli import common


def check(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            help="Data files, settings, a model, a folder of them; also 'data/*.parquet', s3://..."
        ),
    ] = None,
    train: Annotated[str | None, typer.Option(help="Training data.")] = None,
    evaluation: Annotated[str | None, typer.Option("--eval", help="Evaluation data.")] = None,
    test: Annotated[str | None, typer.Option(help="Test data.")] = None,
    text: common.TextColumn = None,
    label: common.LabelColumn = None,
    model: common.ModelFolder = None,
    hub: common.Hub = False,
    config: common.ConfigOrRecipe = None,
    log: Annotated[
        Path | None, typer.Option(help="A run, trainer_state.json or a text log.")
    ] = None,
    predictions: Annotated[Path | None, typer.Option(help="Predictions with labels.")] = None,
    script: Annotated[
        Path | None, typer.Option(help="The script that prepares the data or trains.")
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Questions that must not be in the training data.")
    ] = None,
    probabilities: Annotated[
        str | None,
        typer.Option(help="What your own models say of training rows that they had not seen."),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write repaired copies beside the originals.")
    ] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="With --fix: also what changes the learning.")
    ] = False,
    augment_with: Annotated[
        str | None,
        typer.Option(help="module:function that says a text of a small class in other words."),
    ] = None,
    rehearse: Annotated[
        bool,
        typer.Option(help="Build the trainer that files of TRL describe, and take a first step."),
    ] = True,
    show_mask: common.ShowMask = 0,
    engine: common.EngineOption = None,
    select: common.Select = None,
    pedantic: common.Pedantic = False,
    fail_on: common.FailOnOption = None,
    exit_zero: common.ExitZero = False,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
) -> None:
    """Find faults before anything is trained.

    Takes data files, a training script or configuration, a model folder, or a project folder, says
    what each was taken for, and runs every check for which the needed things are there.
    """
    from tunewell.api.augment import load_augmenter
    from tunewell.api.check import check as run
    from tunewell.api.given import Given
    from tunewell.readers.locations import locate_all, locate_named, locate_one

    given = Given(
        paths=locate_all(paths or ()),
        train=locate_named(train),
        evaluation=locate_named(evaluation),
        test=locate_named(test),
        text=text,
        label=label,
        model=model,
        hub=hub,
        config=config,
        log=log,
        predictions=predictions,
        benchmark=locate_one(benchmark),
        probabilities=locate_one(probabilities),
        script=script,
        augmenter=None if augment_with is None else load_augmenter(augment_with),
    )
    settings = common.adjust(
        given.settings(), select=select, pedantic=pedantic, fail_on=fail_on, engine=engine
    )
    document, applied = run(
        given,
        settings,
        fix=fix,
        unsafe_fixes=unsafe_fixes,
        rehearse=rehearse,
        show_mask=show_mask,
    )
    common.emit(document, output_format=output_format, output=output, verbose=verbose)
    for line in applied:
        typer.echo(line, err=True)
    common.leave(document, settings, exit_zero=exit_zero)
