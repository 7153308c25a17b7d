"""`tunewell plan`: will it fit, how long, what it costs, what to change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tunewell.cli import common

if TYPE_CHECKING:
    from tunewell.api.plan import Planned

Project = Annotated[
    Path | None,
    typer.Argument(
        help="Project folder, training configuration, script or data (default: the project here)."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", help="Model: a folder, its config.json, or a name (with --hub any on the hub)."
    ),
]
Method = Annotated[str | None, typer.Option("--method", help="full, lora or qlora.")]
LoraRank = Annotated[int | None, typer.Option("--lora-rank", help="Rank of the adapters.")]
LoraTargets = Annotated[
    str | None, typer.Option("--lora-targets", help="all-linear, or names: q_proj,v_proj.")
]
LoraDropout = Annotated[
    float | None, typer.Option("--lora-dropout", help="Dropout of the adapters.")
]
DoubleQuant = Annotated[
    bool | None,
    typer.Option(
        "--double-quant/--no-double-quant", help="qlora: the scales of the weights packed too."
    ),
]
Batch = Annotated[int | None, typer.Option("--batch", help="Rows a device at a time.")]
Seq = Annotated[int | None, typer.Option("--seq", help="Tokens at which rows are cut.")]
TargetSeq = Annotated[
    int | None, typer.Option("--target-seq", help="Tokens that an encoder-decoder writes.")
]
Padded = Annotated[
    bool | None,
    typer.Option(
        "--padded/--no-padded", help="Rows of unequal length, whose padding a mask leaves out."
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision",
        help="fp32, fp16 or bf16. Full fine-tuning: fp32 weights with autocast, as the Trainer "
        "does. lora, qlora: frozen weights in it, with autocast.",
    ),
]
Autocast = Annotated[
    bool | None,
    typer.Option(
        "--autocast/--no-autocast",
        help="Without it, weights are in the precision itself and torch.autocast is off.",
    ),
]
Attention = Annotated[
    str | None, typer.Option("--attention", help="sdpa, eager or flash (the flash-attn package).")
]
Checkpointing = Annotated[
    bool | None,
    typer.Option("--checkpointing/--no-checkpointing", help="Recompute layers in the backward."),
]
Optimizer = Annotated[
    str | None,
    typer.Option("--optimizer", help="A name of TrainingArguments.optim; adamw is adamw_torch."),
]
Accumulation = Annotated[
    int | None, typer.Option("--accumulation", help="Batches for one optimizer step.")
]
Loop = Annotated[
    str | None,
    typer.Option(
        "--loop",
        help="trainer: of Hugging Face. plain: your own, which keeps outputs until the next step; "
        "so where --no-autocast is given without a configuration.",
    ),
]
Task = Annotated[
    str | None, typer.Option("--task", help="sft, dpo, text-classification, seq2seq, embedding ...")
]
GpuName = Annotated[
    str | None, typer.Option("--gpu", help="GPU to plan for: L4, A100-80GB, H100, RTX 4090 ...")
]
Gpus = Annotated[int | None, typer.Option("--gpus", help="How many of them.")]
Torch = Annotated[
    str | None,
    typer.Option(
        "--torch",
        help="Version of PyTorch that will run: of this machine, or the newest on another's GPU.",
    ),
]
Rows = Annotated[int | None, typer.Option("--rows", help="Training rows, for time and price.")]
Tokens = Annotated[
    int | None, typer.Option("--tokens", help="Training tokens of an epoch, for time and price.")
]
Epochs = Annotated[float | None, typer.Option("--epochs", help="Passes over the data.")]
Prices = Annotated[Path | None, typer.Option("--prices", help="Your own prices, .toml or .csv.")]
Simulation = Annotated[
    bool,
    typer.Option(
        "--simulate/--no-simulate", help="Simulate the step, or give the formula's answer alone."
    ),
]

Most = Annotated[
    int | None,
    typer.Option(
        "--changes",
        min=0,
        help="Simulations spent on what to change: 12 where it does not fit, 24 with --fit, none "
        "where it fits, unless told otherwise; 0 gives the prediction alone.",
    ),
]
Fit = Annotated[
    bool,
    typer.Option(
        "--fit",
        help="Write the changed recipe and launch files beside yours; undo takes them back.",
    ),
]


def plan(
    project: Project = None,
    model: Model = None,
    method: Method = None,
    lora_rank: LoraRank = None,
    lora_targets: LoraTargets = None,
    lora_dropout: LoraDropout = None,
    double_quant: DoubleQuant = None,
    batch: Batch = None,
    seq: Seq = None,
    target_seq: TargetSeq = None,
    padded: Padded = None,
    precision: Precision = None,
    autocast: Autocast = None,
    attention: Attention = None,
    checkpointing: Checkpointing = None,
    optimizer: Optimizer = None,
    accumulation: Accumulation = None,
    loop: Loop = None,
    task: Task = None,
    gpu: GpuName = None,
    gpus: Gpus = None,
    torch: Torch = None,
    rows: Rows = None,
    tokens: Tokens = None,
    epochs: Epochs = None,
    prices: Prices = None,
    simulate: Simulation = True,
    most: Most = None,
    fit: Fit = False,
    text: common.TextColumn = None,
    label: common.LabelColumn = None,
    hub: common.Hub = False,
    config: common.ConfigOrRecipe = None,
    output_format: common.OutputFormat = common.Format.FULL,
    output: common.Output = None,
    verbose: common.Verbose = False,
    quiet: common.Quiet = False,
) -> None:
    """Will it fit, how long does it take, what does it cost, what to change.

    The training step is simulated on paper: no GPU and no weights are needed. Flags go before what
    a configuration says, and --model alone is enough. The exit status does not tell whether it
    fits: facts.memory.verdict of --output-format json does.
    """
    from tunewell.api.plan import Call
    from tunewell.api.plan import plan as run
    from tunewell.api.planning.changes import SIMULATIONS_TO_FIT
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
    planned = run(
        Call(
            paths=_paths(project, alone=model is not None or config is not None),
            flags=flags,
            config=config,
            text=text,
            label=label,
            hub=hub,
        ),
        simulate=child.simulate if simulate else None,
        most=SIMULATIONS_TO_FIT if fit and most is None else most,
        prices=prices,
        progress=common.bars(quiet=quiet),
    )
    common.emit(planned.document, output_format=output_format, output=output, verbose=verbose)
    if fit:
        _write(planned)


def _write(planned: Planned) -> None:
    """Show what --fit changes, write it, and list the files on stderr."""
    fitted = planned.fitted
    if fitted is None:
        sys.stderr.write(f"--fit: nothing to write: {planned.why_not}\n")
        return
    sys.stderr.write(f"--fit: {fitted.title}\n{fitted.diff}")
    for hand in fitted.by_hand:
        sys.stderr.write(f"by hand: {hand}\n")
    for line in fitted.write():
        sys.stderr.write(f"written: {line}\n")


def _paths(project: Path | None, *, alone: bool) -> tuple[Path, ...]:
    """What was named, or else the project here; a model or a configuration alone needs none."""
    if project is not None:
        return (project,)
    if alone and not Path("tunewell.toml").is_file():
        return ()
    return (Path(),)
