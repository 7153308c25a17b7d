"""The commands as plain functions, for scripts and notebooks: each returns a document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tunewell.api.planning.flags import Flags
    from tunewell.core.document import Document
    from tunewell.plan.session import Stream


def check(
    *paths: str | Path | object,
    train: str | Path | None = None,
    evaluation: str | Path | None = None,
    test: str | Path | None = None,
    model: str | None = None,
    config: str | Path | None = None,
    text: str | None = None,
    label: str | None = None,
    benchmark: str | Path | None = None,
    probabilities: str | Path | None = None,
) -> Document:
    """Find faults in data, settings and model before anything is trained.

    Args:
        paths: data files, settings, a model, or a folder of them; also patterns (`data/*.parquet`)
            and addresses in a store (`s3://bucket/data/*.parquet`). Or one trainer (Hugging Face,
            TRL, sentence-transformers), which is rehearsed on a copy and stays as it is; of the
            other arguments only `config` counts then.
        train: training data; `evaluation` and `test` likewise.
        evaluation: rows that steer training.
        test: rows that have the last word.
        model: a folder, or `package:NAME/FOLDER`.
        config: a settings file instead of tunewell.toml beside the data, or the configuration of
            another program that trains.
        text: the column that holds the text.
        label: the column that holds the label.
        benchmark: questions that must not be in the training data.
        probabilities: what models say of training rows that they had not seen; a .npy file of
            shape (rows, classes), or another of the kinds that docs/how-to/check-data.md lists.

    Raises:
        tunewell.core.errors.UserError: if something given cannot be used.
    """
    from tunewell.api import check as command
    from tunewell.api.given import Given
    from tunewell.readers.locations import locate_all, locate_named, locate_one

    trainers = [thing for thing in paths if not isinstance(thing, str | Path)]
    if trainers:
        return _check_trainer(trainers, config)
    given = Given(
        paths=locate_all([path for path in paths if isinstance(path, str | Path)]),
        train=locate_named(train),
        evaluation=locate_named(evaluation),
        test=locate_named(test),
        model=model,
        config=_path(config),
        text=text,
        label=label,
        benchmark=locate_one(benchmark),
        probabilities=locate_one(probabilities),
    )
    return command.check(given, given.settings())[0]


def _check_trainer(trainers: list[object], config: str | Path | None) -> Document:
    from tunewell.core.errors import InputError
    from tunewell.preflight.arguments import is_trainer
    from tunewell.train.quiet import quiet

    trainer = trainers[0]
    if len(trainers) > 1 or not is_trainer(trainer):
        kinds = ", ".join(type(thing).__name__ for thing in trainers)
        message = f"check takes paths or one Hugging Face trainer, not {kinds}"
        raise InputError(message)
    with quiet():  # some libraries draw a random number when they are first imported
        from tunewell.api.given import settings_near
        from tunewell.api.preflight import check_trainer

        return check_trainer(trainer, settings_near(Path(), _path(config)))


def diagnose(
    *paths: str | Path,
    train: str | Path | None = None,
    predictions: str | Path | None = None,
    config: str | Path | None = None,
    run: str | None = None,
) -> Document:
    """Say what went wrong in a run, from the logs that are already there.

    Args:
        paths: a run folder, an output folder, a folder of a tracker, or a log of one of the
            formats that docs/how-to/read-logs.md lists.
        train: training data of the run.
        predictions: predictions with labels.
        config: a settings file.
        run: which of several runs, by its name or the end of it; the newest if not said.

    Raises:
        tunewell.core.errors.UserError: if there is no run, or it cannot be read.
    """
    from tunewell.api import diagnose as command
    from tunewell.api.given import Given
    from tunewell.readers.locations import locate_all, locate_named

    given = Given(
        paths=locate_all(paths),
        train=locate_named(train),
        predictions=_path(predictions),
        config=_path(config),
        run=run,
    )
    return command.diagnose(given, given.settings())


def errors(
    predictions: str | Path, *, train: str | Path | None = None, config: str | Path | None = None
) -> Document:
    """Find patterns among the wrong answers of a predictions file or run folder.

    Raises:
        tunewell.core.errors.UserError: if the predictions cannot be read.
    """
    from tunewell.api import errors as command
    from tunewell.api.given import settings_near

    path = Path(predictions)
    return command.errors(path, train=_path(train), settings=settings_near(path, _path(config)))


def compare(*paths: str | Path, metric: str | None = None, same_settings: bool = False) -> Document:
    """Compare two prediction files on the same rows, or runs by their logs.

    Args:
        paths: two prediction files or runs that keep their predictions; or runs, or one path that
            holds several. The first is the one in use.
        metric: the metric to compare runs by; the one that they choose by where None.
        same_settings: take the runs for repetitions of one configuration.

    Raises:
        tunewell.core.errors.UserError: if they cannot be read, hold different rows, or are fewer
            than two.
    """
    from tunewell.api import compare as command
    from tunewell.api.given import settings_near
    from tunewell.core.errors import InputError

    if not paths:
        message = "nothing to compare: pass two prediction files, or runs"
        raise InputError(message)
    found = [Path(path) for path in paths]
    return command.compare_paths(
        found, metric=metric, same_settings=same_settings, settings=settings_near(found[-1])
    )


def plan(
    *paths: str | Path | object,
    model: str | None = None,
    method: str | None = None,
    lora_rank: int | None = None,
    lora_targets: str | None = None,
    lora_dropout: float | None = None,
    double_quant: bool | None = None,
    batch: int | None = None,
    seq: int | None = None,
    target_seq: int | None = None,
    padded: bool | None = None,
    precision: str | None = None,
    autocast: bool | None = None,
    attention: str | None = None,
    checkpointing: bool | None = None,
    optimizer: str | None = None,
    accumulation: int | None = None,
    loop: str | None = None,
    task: str | None = None,
    gpu: str | None = None,
    gpus: int | None = None,
    torch: str | None = None,
    rows: int | None = None,
    tokens: int | None = None,
    epochs: float | None = None,
    prices: str | Path | None = None,
    config: str | Path | None = None,
    hub: bool = False,
    simulate: bool = True,
) -> Document:
    """Say whether a fine-tune fits, how long it takes, what it costs and what to change.

    Every keyword goes before what a configuration says, and `model` alone is enough.

    Args:
        paths: a project folder, a training configuration, a script or data. Or one Hugging Face
            trainer, as it stands. The project in the working folder where there is nothing else.
        model: a folder, a config.json or a known name.
        method: "full", "lora" or "qlora".
        lora_rank: rank of the adapters.
        lora_targets: "all-linear", or names with commas between them.
        lora_dropout: dropout of the adapters.
        double_quant: whether the scales of weights packed in four bits are packed too.
        batch: rows a device at a time.
        seq: tokens at which rows are cut.
        target_seq: tokens that an encoder-decoder writes.
        padded: whether rows are of unequal length, so that a mask leaves padding out.
        precision: "fp32", "fp16" or "bf16". Full fine-tuning has fp32 weights with autocast, and
            frozen weights are in the precision itself.
        autocast: False leaves torch.autocast out, and all weights are in the precision.
        attention: "sdpa", "eager" or "flash".
        checkpointing: whether layers are recomputed in the backward pass.
        optimizer: a name of TrainingArguments.optim; "adamw" is "adamw_torch".
        accumulation: batches for one optimizer step.
        loop: "trainer", or "plain" for a loop of your own that keeps a step's outputs until the
            next; so where autocast is False and there is no configuration.
        task: "sft", "dpo", "text-classification" and others.
        gpu: the GPU to plan for, by any usual name.
        gpus: how many of them.
        torch: the version of PyTorch that will run; by default the one here, or the newest on a GPU
            that is named.
        rows: training rows, for time and price.
        tokens: training tokens of one epoch, for time and price.
        epochs: passes over the data.
        prices: a file of your own prices.
        config: a settings file, or a training configuration.
        hub: allow a model to be fetched.
        simulate: whether the step is simulated; the formula's answer alone otherwise.

    Raises:
        tunewell.core.errors.UserError: if something given cannot be used.
    """
    from tunewell.api import plan as command
    from tunewell.api.planning.flags import Flags
    from tunewell.plan import child

    flags = Flags(
        model=model,
        method=method,
        lora_rank=lora_rank,
        lora_targets=lora_targets,
        lora_dropout=lora_dropout,
        double_quant=double_quant,
        batch=batch,
        seq=seq,
        target_seq=target_seq,
        padded=padded,
        precision=precision,
        autocast=autocast,
        attention=attention,
        checkpointing=checkpointing,
        optimizer=optimizer,
        accumulation=accumulation,
        loop=loop,
        task=task,
        gpu=gpu,
        gpus=gpus,
        torch=torch,
        rows=rows,
        tokens=tokens,
        epochs=epochs,
    )
    named = tuple(Path(path) for path in paths if isinstance(path, str | Path))
    trainers = [thing for thing in paths if not isinstance(thing, str | Path)]
    runs = child.simulate if simulate else None
    if trainers:
        return _plan_trainer(trainers, flags, config, prices=_path(prices), simulate=runs)
    alone = model is not None or config is not None
    if not named and not (alone and not Path("tunewell.toml").is_file()):
        named = (Path(),)
    call = command.Call(paths=named, flags=flags, config=_path(config), hub=hub)
    return command.plan(call, simulate=runs, prices=_path(prices)).document


def _plan_trainer(
    trainers: list[object],
    flags: Flags,
    config: str | Path | None,
    *,
    prices: Path | None,
    simulate: Stream | None,
) -> Document:
    from tunewell.api.given import settings_near
    from tunewell.api.plan import Prices, plan_opened
    from tunewell.api.planning.live import open_trainer
    from tunewell.api.planning.money import read_prices
    from tunewell.core.errors import InputError
    from tunewell.core.progress import Silent
    from tunewell.train.quiet import quiet

    if len(trainers) > 1:
        kinds = ", ".join(type(thing).__name__ for thing in trainers)
        message = f"plan takes paths or one Hugging Face trainer, not {kinds}"
        raise InputError(message)
    table = Prices(read_prices(prices))
    with quiet():  # some libraries draw a random number when they are first imported
        opened = open_trainer(trainers[0], flags, settings_near(Path(), _path(config)))
    planned = plan_opened(opened, simulate=simulate, most=None, prices=table, progress=Silent())
    return planned.document


def train(
    project: str | Path = ".",
    *,
    model: str | None = None,
    guard: bool = False,
    resume: bool = False,
) -> Document:
    """Fine-tune the project once, watched.

    Args:
        project: a folder, or training data.
        model: a folder, or `package:NAME/FOLDER`.
        guard: recover where memory does not suffice or values go wrong, as [guard] in the settings
            says, and stop where it overfits.
        resume: go on with a guarded run that was killed.

    Raises:
        tunewell.core.errors.UserError: if data, model or settings cannot be used.
    """
    from tunewell.api import train as command
    from tunewell.api.workspace import open_workspace

    workspace = open_workspace(Path(project), model=model)
    settings = workspace.settings.guard if guard or resume else None
    return command.train(workspace, guard=settings, resume=resume)


def tune(
    project: str | Path = ".",
    *,
    model: str | None = None,
    seconds: float | None = None,
    seeds: int = 2,
    explore: bool = False,
) -> Document:
    """Improve the project by proven changes only.

    Raises:
        tunewell.core.errors.UserError: if data, model or settings cannot be used.
    """
    from tunewell.api import tune as command
    from tunewell.api.workspace import open_workspace
    from tunewell.tune.limits import Limits

    limits = Limits(seconds=seconds, seeds=tuple(range(seeds)), explore=explore)
    return command.tune(open_workspace(Path(project), model=model), limits=limits)[0]


def adapt(
    new: str | Path,
    project: str | Path = ".",
    *,
    current: str | Path | None = None,
    check_only: bool = False,
) -> Document:
    """Say whether new data has moved; retrain with old rows kept; accept or refuse the result.

    Raises:
        tunewell.core.errors.UserError: if data, model or settings cannot be used.
    """
    from tunewell.api import adapt as command
    from tunewell.api.workspace import open_workspace

    workspace = open_workspace(Path(project), require_model=False)
    return command.adapt(workspace, Path(new), current=_path(current), check_only=check_only)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
