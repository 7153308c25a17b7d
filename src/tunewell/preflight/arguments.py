"""The recipe of a trainer as it stands: its arguments, its model's adapter, its precision."""

from __future__ import annotations

import dataclasses
from typing import Any

from tunewell.preflight.stage import TASK_OF_TRAINER, core_of, task_of
from tunewell.subjects.recipe import (
    Adapter,
    Generation,
    Hardware,
    Place,
    Preference,
    Preparation,
    Recipe,
    Saving,
    Written,
)

RECIPE_TASKS = {
    "sequence": "text-classification",
    "token": "token-classification",
    "causal": "sft",
    "masked": "pretraining",
    "seq2seq": "seq2seq",
    "embedding": "embedding",
}
TASK_OF_CLASS = {
    "DPOTrainer": "dpo", "CPOTrainer": "dpo", "ORPOTrainer": "dpo", "RewardTrainer": "reward",
    "KTOTrainer": "kto", "GRPOTrainer": "grpo", "RLOOTrainer": "grpo", "SFTTrainer": "sft",
}  # fmt: skip


def recipe_of(trainer: Any, *, resume: str | bool | None = None) -> Recipe:
    """The recipe of a Hugging Face trainer or of one built on it.

    `resume` is what `train` is given for `resume_from_checkpoint`.

    `given` names what differs from the default of the arguments' class: what was written out and
    happens to be the default cannot be told apart.
    """
    args, model = trainer.args, trainer.model
    core = core_of(model)
    adapter = _adapter(model)
    quantised = getattr(core, "quantization_method", None) is not None
    values: dict[str, Any] = {
        "task": _task(trainer, core),
        "model": str(getattr(_config(core), "name_or_path", "") or "") or None,
        "method": "full" if adapter is None else ("qlora" if quantised else "lora"),
        "learning_rate": float(args.learning_rate),
        "num_train_epochs": float(args.num_train_epochs),
        "max_steps": int(args.max_steps),
        "per_device_train_batch_size": int(args.per_device_train_batch_size),
        "gradient_accumulation_steps": int(args.gradient_accumulation_steps),
        "weight_decay": float(args.weight_decay),
        "warmup_ratio": args.warmup_steps if 0 < args.warmup_steps < 1 else 0.0,
        "warmup_steps": int(args.warmup_steps) if args.warmup_steps >= 1 else None,
        "lr_scheduler_type": str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)),
        "max_grad_norm": float(args.max_grad_norm or 0),
        "label_smoothing": float(args.label_smoothing_factor),
        "max_length": getattr(args, "max_length", None),
        "precision": "bf16" if args.bf16 else ("fp16" if args.fp16 else "fp32"),
        "early_stopping_patience": _patience(trainer),
        "load_best_model_at_end": bool(args.load_best_model_at_end),
        "metric_for_best_model": _metric(args),
        "greater_is_better": args.greater_is_better,
        "seed": int(args.seed),
        "optim": str(getattr(args.optim, "value", args.optim)),
        "neftune_noise_alpha": getattr(args, "neftune_noise_alpha", None),
        "adapter": adapter,
        "preparation": _preparation(trainer),
        "hardware": _hardware(args, core),
        "saving": _saving(trainer, resume),
        "generation": _generation(args),
        "preference": _preference(args),
        "format": "trl" if type(args).__module__.startswith("trl.") else "transformers",
    }
    given = _changed(args)
    return Recipe(**values, given=frozenset(given), written=_written(args, given))


def _config(core: Any) -> Any:
    """The model's configuration, None for a module that has none."""
    return getattr(core, "config", None)


def _task(trainer: Any, core: Any) -> str:
    for kind in type(trainer).__mro__:
        if kind.__name__ in TASK_OF_CLASS:
            return TASK_OF_CLASS[kind.__name__]
        if kind.__name__ in TASK_OF_TRAINER:
            break
    return RECIPE_TASKS.get(task_of(trainer, core), "unknown")


def _metric(args: Any) -> str:
    name = args.metric_for_best_model or "loss"
    return name if name.startswith("eval_") else f"eval_{name}"


def _patience(trainer: Any) -> int | None:
    for callback in trainer.callback_handler.callbacks:
        patience = getattr(callback, "early_stopping_patience", None)
        if patience is not None:
            return int(patience)
    return None


def _adapter(model: Any) -> Adapter | None:
    settings = getattr(model, "peft_config", None)
    if not settings or not hasattr(model, "get_base_model"):
        return None
    active = getattr(model, "active_adapter", None)
    config = settings.get(active) if isinstance(active, str) else None
    config = config if config is not None else next(iter(settings.values()))
    targets = getattr(config, "target_modules", None)
    saved = getattr(config, "modules_to_save", None)
    return Adapter(
        kind=str(getattr(config.peft_type, "value", config.peft_type)).lower(),
        r=int(getattr(config, "r", 0) or 0),
        lora_alpha=float(getattr(config, "lora_alpha", 0) or 0),
        lora_dropout=float(getattr(config, "lora_dropout", 0) or 0),
        target_modules=targets
        if targets is None or isinstance(targets, str)
        else tuple(sorted(targets)),
        modules_to_save=None if saved is None else tuple(saved),
        task_type=None
        if config.task_type is None
        else str(getattr(config.task_type, "value", config.task_type)),
        use_rslora=bool(getattr(config, "use_rslora", False)),
        use_dora=bool(getattr(config, "use_dora", False)),
        bias=str(getattr(config, "bias", "none")),
    )


def _preparation(trainer: Any) -> Preparation:
    args = trainer.args
    completion_only = getattr(args, "completion_only_loss", None)
    return Preparation(
        packing=bool(getattr(args, "packing", False)),
        packing_strategy=getattr(args, "packing_strategy", None),
        padding_free=bool(getattr(args, "padding_free", False)),
        train_on_prompt=None if completion_only is None else not completion_only,
        assistant_only=bool(getattr(args, "assistant_only_loss", False)),
        eos_token=getattr(args, "eos_token", None),
        pad_token=getattr(args, "pad_token", None),
        remove_unused_columns=bool(args.remove_unused_columns),
        label_names=tuple(trainer.label_names) if args.label_names else None,
    )


def _hardware(args: Any, core: Any) -> Hardware:
    options = getattr(args, "gradient_checkpointing_kwargs", None) or {}
    quantisation = getattr(_config(core), "quantization_config", None)
    places = getattr(core, "hf_device_map", None)
    return Hardware(
        dtype=str(getattr(core, "dtype", "")).removeprefix("torch.") or None,
        tf32=getattr(args, "tf32", None),
        load_in_4bit=bool(getattr(quantisation, "load_in_4bit", False)),
        load_in_8bit=bool(getattr(quantisation, "load_in_8bit", False)),
        gradient_checkpointing=bool(args.gradient_checkpointing),
        use_reentrant=options.get("use_reentrant"),
        attn_implementation=getattr(_config(core), "_attn_implementation", None),
        device_map="auto" if places and len(set(map(str, places.values()))) > 1 else None,
        world_size=int(args.world_size),
        deepspeed=args.deepspeed if isinstance(args.deepspeed, dict) else None,
        fsdp=dict(args.fsdp_config) if args.fsdp and args.fsdp_config else None,
        ddp_find_unused_parameters=args.ddp_find_unused_parameters,
        ddp_timeout=float(args.ddp_timeout),
        dataloader_num_workers=int(args.dataloader_num_workers),
        dataloader_drop_last=bool(args.dataloader_drop_last),
        torch_compile=bool(args.torch_compile),
        use_cache=getattr(_config(core), "use_cache", None),
        use_cpu=bool(args.use_cpu),
    )


def _saving(trainer: Any, resume: str | bool | None) -> Saving:
    args = trainer.args
    return Saving(
        output_dir=str(args.output_dir),
        eval_strategy=str(getattr(args.eval_strategy, "value", args.eval_strategy)),
        eval_steps=args.eval_steps,
        save_strategy=str(getattr(args.save_strategy, "value", args.save_strategy)),
        save_steps=args.save_steps,
        save_total_limit=args.save_total_limit,
        save_only_model=bool(args.save_only_model),
        logging_steps=args.logging_steps,
        logging_nan_inf_filter=bool(args.logging_nan_inf_filter),
        per_device_eval_batch_size=int(args.per_device_eval_batch_size),
        eval_accumulation_steps=args.eval_accumulation_steps,
        prediction_loss_only=bool(args.prediction_loss_only),
        metrics_computed=getattr(trainer, "compute_metrics", None) is not None,
        logits_reduced=getattr(trainer, "preprocess_logits_for_metrics", None) is not None,
        resume_from_checkpoint=args.resume_from_checkpoint if resume is None else resume,
        ignore_data_skip=bool(args.ignore_data_skip),
    )


def _generation(args: Any) -> Generation:
    return Generation(
        predict_with_generate=bool(getattr(args, "predict_with_generate", False)),
        max_length=getattr(args, "generation_max_length", None),
        num_beams=getattr(args, "generation_num_beams", None),
    )


def _preference(args: Any) -> Preference:
    kind = getattr(args, "loss_type", None)
    return Preference(
        beta=getattr(args, "beta", None),
        loss_type=kind if isinstance(kind, str) else None,
        num_generations=getattr(args, "num_generations", None),
        generation_batch_size=getattr(args, "generation_batch_size", None),
        max_completion_length=getattr(args, "max_completion_length", None),
    )


PATHS = {
    "label_smoothing_factor": "label_smoothing",
    "gradient_checkpointing": "hardware.gradient_checkpointing",
    "eval_strategy": "saving.eval_strategy",
    "eval_steps": "saving.eval_steps",
    "save_strategy": "saving.save_strategy",
    "save_steps": "saving.save_steps",
    "save_total_limit": "saving.save_total_limit",
    "save_only_model": "saving.save_only_model",
    "output_dir": "saving.output_dir",
    "packing": "preparation.packing",
    "assistant_only_loss": "preparation.assistant_only",
    "completion_only_loss": "preparation.train_on_prompt",
    "predict_with_generate": "generation.predict_with_generate",
    "generation_max_length": "generation.max_length",
    "num_generations": "preference.num_generations",
    "beta": "preference.beta",
    "bf16": "precision",
    "fp16": "precision",
}
"""Arguments that the recipe knows by another path."""

RECIPE_FIELDS = frozenset(field.name for field in dataclasses.fields(Recipe))


def _changed(args: Any) -> set[str]:
    """Paths of the settings that differ from their default."""
    found: set[str] = set()
    for field in dataclasses.fields(args):
        if not field.init or getattr(args, field.name, None) == _default(field):
            continue
        path = PATHS.get(field.name, field.name if field.name in RECIPE_FIELDS else None)
        if path is not None:
            found.add(path)
    return found


def _default(field: Any) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    factory = field.default_factory
    return factory() if factory is not dataclasses.MISSING else None


def _written(args: Any, given: set[str]) -> tuple[Written, ...]:
    owner = type(args).__name__
    names = [
        field.name for field in dataclasses.fields(args)
        if PATHS.get(field.name, field.name) in given
    ]  # fmt: skip
    return tuple(
        Written(owner, name, getattr(args, name), Place(key=f"{owner}.{name}")) for name in names
    )


def is_trainer(thing: object) -> bool:
    """Whether an object has what a rehearsal needs of a trainer."""
    needed = ("args", "model", "train_dataset", "data_collator", "training_step")
    return all(hasattr(thing, name) for name in needed)
