"""Simulate the step of a trainer that stands, for its longest batch."""

from __future__ import annotations

from typing import Any

import msgspec

from tunewell.core.check import NotRunError
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Device, Step
from tunewell.plan.step_of import optimizer_of
from tunewell.preflight.longest import longest_batch
from tunewell.preflight.rehearse import first_of
from tunewell.preflight.rollout import rolls_out
from tunewell.preflight.stage import core_of
from tunewell.train.quiet import quiet

TOKENS = ("input_ids", "pixel_values", "input_features")
"""Inputs whose shape tells how large a batch is."""

USUALLY_WRITTEN = 20
"""Tokens that `generate` of transformers writes at most where nothing says how many."""
SAMPLED = "the longest of some of the rows counts: there are too many to measure them all"


def simulate_trainer(trainer: Any, device: Device) -> tuple[Simulated | NotSimulated, str]:
    """The memory and work of the step that this trainer takes, with its own model and loss.

    The trainer stays as it is, like all random states.

    Returns:
        The answer, and in words what was simulated.
    """
    if rolls_out(trainer):
        name = type(trainer).__name__
        reason = f"each step of {name} begins by writing text, which cannot be done on paper"
        return NotSimulated(reason=reason), ""
    if trainer.args.world_size > 1 or _sharded(trainer):
        return NotSimulated(reason="the trainer's weights are shared out over processes"), ""
    with quiet():
        try:
            return _simulated(trainer, device)
        except NotRunError as error:
            return NotSimulated(reason=str(error)), ""


def _simulated(trainer: Any, device: Device) -> tuple[Simulated | NotSimulated, str]:
    from tunewell.simulate.live import simulate  # noqa: PLC0415  only where a step is simulated

    args = trainer.args
    size = max(1, int(args.per_device_train_batch_size))
    train = longest_batch(trainer, first_of(trainer.train_dataset), size)
    evaluation = None
    if str(getattr(args.eval_strategy, "value", args.eval_strategy)) != "no":
        rows = max(1, int(args.per_device_eval_batch_size))
        held_out = first_of(trainer.eval_dataset)
        evaluation = longest_batch(trainer, held_out, rows, split="eval").batch
    answer = simulate(trainer, step_of_trainer(trainer, device), train.batch, evaluation)
    what = (
        f"the step of your {type(trainer).__name__} itself, with your "
        f"{type(core_of(trainer.model)).__name__} and the longest batch of your collator"
        f"{_shape(train.batch)}"
    )
    if isinstance(answer, NotSimulated):
        return answer, what
    said = []
    if not train.measured_all:
        said.append(SAMPLED)
    if getattr(args, "torch_compile", False):
        said.append("torch.compile is not simulated: the step is that without it")
    return msgspec.structs.replace(answer, assumptions=(*said, *answer.assumptions)), what


def _shape(batch: Any) -> str:
    """The shape of what the model is given, in brackets."""
    items = dict(batch).items() if hasattr(batch, "items") else ()
    for name, value in items:
        if name.endswith(TOKENS) and hasattr(value, "shape"):
            return f" ({name} of {' x '.join(f'{size:,}' for size in value.shape)})"
    return ""


def step_of_trainer(trainer: Any, device: Device) -> Step:
    """What a trainer's arguments say of its step; its model and rows are not described."""
    args = trainer.args
    core = core_of(trainer.model)
    config: Any = getattr(core, "config", None)
    kwargs = args.gradient_checkpointing_kwargs or {}
    own = getattr(core, "is_gradient_checkpointing", False) is True
    return Step(
        config=config.to_dict() if hasattr(config, "to_dict") else {},
        batch=max(1, int(args.per_device_train_batch_size)),
        autocast="bf16" if args.bf16 else "fp16" if args.fp16 else None,
        checkpointing=bool(args.gradient_checkpointing or own),
        reentrant=bool(kwargs.get("use_reentrant", False)),
        optimizer=_optimizer(trainer),
        accumulation=max(1, int(args.gradient_accumulation_steps)),
        generation_tokens=_written(trainer),
        clipping=(args.max_grad_norm or 0) > 0,
        device=device,
    )


def _optimizer(trainer: Any) -> str:
    """The optimizer by its name in TrainingArguments.optim, or by its class where one was given."""
    given = trainer.optimizer
    if given is None:
        return optimizer_of(str(getattr(trainer.args.optim, "value", trainer.args.optim)))
    kind = type(getattr(given, "optimizer", given))
    fused = kind.__name__ == "AdamW" and given.defaults.get("fused")
    return "adamw_torch_fused" if fused else optimizer_of(f"{kind.__module__}.{kind.__name__}")


def _written(trainer: Any) -> int | None:
    """Tokens that are written for each row where it is evaluated."""
    args = trainer.args
    if not getattr(args, "predict_with_generate", False):
        return None
    usual = getattr(trainer.model, "generation_config", None)
    most = args.generation_max_length or getattr(usual, "max_length", None)
    return int(most or USUALLY_WRITTEN)


def _sharded(trainer: Any) -> bool:
    return bool(
        getattr(trainer, "is_deepspeed_enabled", False)
        or getattr(trainer, "is_fsdp_enabled", False)
    )
