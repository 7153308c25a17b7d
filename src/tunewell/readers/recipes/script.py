"""A Python script that trains: its settings as far as they are written out. It is never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.knowledge.config_defaults import tables
from tunewell.readers.recipes import lightning
from tunewell.readers.recipes.draft import Draft, Setting, Table
from tunewell.readers.recipes.files import add_companions
from tunewell.readers.recipes.hugging_face import (
    LORA_ARGUMENTS,
    dtype_name,
    take_arguments,
    take_lora,
)
from tunewell.readers.recipes.script_calls import arguments, handed, is_open, owner, resolved
from tunewell.readers.recipes.script_values import Call, NotLiteralError, calls_in, dotted, value_of
from tunewell.readers.script import read_script
from tunewell.subjects.recipe import Place, Recipe, Written

CONFIG_CLASSES = re.compile(
    r"(SFT|DPO|KTO|Reward|GRPO|RLOO|ORPO|CPO|Distillation|GKD|OnlineDPO|PPO|BCO)Config"
)
ARGUMENT_CLASSES = re.compile(
    r"(Seq2Seq|SentenceTransformer|CrossEncoder)?TrainingArguments|" + CONFIG_CLASSES.pattern
)
TRAINER = re.compile(r"\w*Trainer")
TASKS: Mapping[str, str] = {
    "SFTTrainer": "sft",
    "DPOTrainer": "dpo",
    "KTOTrainer": "kto",
    "RewardTrainer": "reward",
    "GRPOTrainer": "grpo",
    "RLOOTrainer": "grpo",
    "SentenceTransformerTrainer": "embedding",
    "Seq2SeqTrainer": "seq2seq",
}
MODELS: Mapping[str, str] = {
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForSeq2SeqLM": "seq2seq",
    "SentenceTransformer": "embedding",
}
MODEL_SETTINGS: Mapping[str, str] = {
    "pretrained_model_name_or_path": "model",
    "attn_implementation": "hardware.attn_implementation",
    "load_in_4bit": "hardware.load_in_4bit",
    "load_in_8bit": "hardware.load_in_8bit",
    "device_map": "hardware.device_map",
    "use_cache": "hardware.use_cache",
}
LIGHTNING = frozenset({"lightning", "pytorch_lightning"})
OPTIMIZERS = frozenset({"AdamW", "Adam", "SGD", "RMSprop", "Adafactor"})
TUNED = frozenset({"tokenizer", "processing_class", "processor"})


def read_script_recipe(path: Path, companions: Iterable[Path] = ()) -> Recipe:
    """The recipe of a script.

    Args:
        path: the script.
        companions: files that say how it is started: of accelerate, DeepSpeed or FSDP.

    Raises:
        InputError: if it cannot be parsed, sets nothing up that is known, or takes its settings
            from elsewhere.
        SettingsError: if a value is of the wrong type or cannot be.
    """
    tree = read_script(path).tree
    calls = list(calls_in(tree))
    draft = Draft(_format(tree), path)
    trainer = next((c for c in calls if _is_trainer(c)), None)
    if draft.format == "lightning":
        _take_lightning(draft, calls)
    elif not _take_hugging_face(draft, calls, trainer):
        message = (
            f"{path}: takes its training arguments from the command line or another module; pass "
            "the configuration itself"
            if trainer is not None
            else f"{path}: makes no trainer and no training arguments that are known"
        )
        raise InputError(message)
    _take_models(draft, calls)
    _take_adapter(draft, calls)
    _take_data(draft, calls)
    _take_attributes(draft, tree)
    _settle_task(draft, calls, trainer)
    for call in calls:
        if call.name.rpartition(".")[2] == "EarlyStoppingCallback":
            table = arguments(call, path)
            draft.note(table)
            default = Setting(1, Place(path, call.line, owner(call)))
            patience = table.settings.get("early_stopping_patience", default)
            draft.set("early_stopping_patience", patience)
    add_companions(draft, companions)
    return draft.recipe()


def _is_trainer(call: Call) -> bool:
    return bool(TRAINER.fullmatch(call.name.rpartition(".")[2]))


def _format(tree: ast.Module) -> str:
    packages = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    if packages & LIGHTNING and "transformers.trainer" not in packages:
        return "lightning"
    return next((name for name in ("trl", "sentence_transformers") if name in packages),
                "transformers").replace("_", "-")  # fmt: skip


def _take_hugging_face(draft: Draft, calls: list[Call], trainer: Call | None) -> bool:
    """The arguments that the trainer gets, or else the first that are made; False without any."""
    made = [c for c in calls if ARGUMENT_CLASSES.fullmatch(c.name.rpartition(".")[2])]
    chosen = None
    if trainer is not None:
        node = resolved(handed(trainer, "args"), trainer.scope)
        chosen = next((call for call in made if call.node is node), None)
        if chosen is None and handed(trainer, "args") is None and not made:
            return _take_bare(draft, trainer)
    chosen = chosen or (made[0] if made else None)
    if chosen is None:
        return False
    table = arguments(chosen, draft.file)
    draft.note(table)
    name = owner(chosen)
    trl = name.endswith("Config")
    draft.assume(name)
    draft.assume("trl" if trl else "transformers")
    take_arguments(draft, table, trl=trl)
    if trl and name not in tables():
        draft.leave_open("learning_rate", "max_length")  # its own defaults are not known here
    if is_open(chosen):
        draft.leave_open(*(path for path in draft.places if path in draft.values))
    for call in made:
        if call is not chosen:
            draft.note(arguments(call, draft.file))
    if trainer is not None:
        draft.note(arguments(trainer, draft.file))
    return True


def _take_bare(draft: Draft, trainer: Call) -> bool:
    """A trainer without arguments takes the defaults of its class."""
    name = owner(trainer)
    if name not in TASKS and name != "Trainer":
        return False  # a trainer of someone's own
    config = f"{name.removesuffix('Trainer')}Config"
    draft.assume(config)
    draft.assume("transformers")
    draft.note(arguments(trainer, draft.file))
    return True


def _settle_task(draft: Draft, calls: list[Call], trainer: Call | None) -> None:
    """The task by the trainer; of a plain Trainer, by the class of the model."""
    name = owner(trainer) if trainer is not None else ""
    task = TASKS.get(name) or draft.values.get("task") or "unknown"
    of_trl = any(CONFIG_CLASSES.fullmatch(written.owner) for written in draft.written)
    if task == "unknown" and not of_trl:
        heads = (head for call in calls for part, head in MODELS.items() if part in call.name)
        task = next(heads, task)
    draft.values["task"] = task


def _take_models(draft: Draft, calls: list[Call]) -> None:
    quantization = {id(c.node): c for c in calls if c.name.endswith("BitsAndBytesConfig")}
    for call in calls:
        name = owner(call)
        if name == "SentenceTransformer":
            table = arguments(call, draft.file)
            draft.note(table)
            draft.take(table, {"model_name_or_path": "model"})
        if not name.endswith(".from_pretrained") or "Tokenizer" in name or "Peft" in name:
            continue
        if "Model" not in name and "For" not in name:
            continue
        table = arguments(call, draft.file)
        draft.note(table)
        draft.take(table, MODEL_SETTINGS)
        _take_dtype(draft, table)
        node = resolved(handed(call, "quantization_config"), call.scope)
        if node is not None and id(node) in quantization:
            inner = arguments(quantization[id(node)], draft.file)
            draft.note(inner)
            for key in ("load_in_4bit", "load_in_8bit"):
                if key in inner.settings:
                    draft.set(f"hardware.{key}", inner.settings[key])


def _take_dtype(draft: Draft, table: Table) -> None:
    for key in ("dtype", "torch_dtype"):
        setting = table.settings.get(key)
        if setting is not None:
            value = dtype_name(setting.value)
            draft.set("hardware.dtype", Setting(value, setting.place, setting.literal))
    draft.offer("hardware.dtype", table.home("dtype"))


def _take_adapter(draft: Draft, calls: list[Call]) -> None:
    """The LoRA settings that a trainer or `get_peft_model` gets, and an adapter that is loaded."""
    configs = [c for c in calls if c.name.rpartition(".")[2] == "LoraConfig"]
    used = [
        resolved(handed(call, name, position), call.scope)
        for call in calls
        for name, position in (("peft_config", 1 if "get_peft_model" in call.name else None),)
        if "get_peft_model" in call.name or _is_trainer(call)
    ]
    chosen = next((c for c in configs if any(c.node is node for node in used)), None)
    chosen = chosen or (configs[0] if configs else None)
    if chosen is not None:
        table = arguments(chosen, draft.file)
        draft.note(table)
        draft.assume("LoraConfig")
        take_lora(draft, table, LORA_ARGUMENTS)
        _adapted(draft, Place(draft.file, chosen.line, owner(chosen)))
    for call in calls:
        if not call.name.endswith(("PeftModel.from_pretrained", "LM.from_pretrained")):
            continue
        if "Peft" not in call.name:
            continue
        table = arguments(call, draft.file)
        draft.note(table)
        loaded = table.settings.get("model_id")
        if loaded is not None:
            draft.set("adapter.base", loaded)
        _adapted(draft, Place(draft.file, call.line, owner(call)))


def _adapted(draft: Draft, place: Place) -> None:
    quantized = draft.values.get("hardware.load_in_4bit") is True
    draft.set("method", Setting("qlora" if quantized else "lora", place))


def _take_data(draft: Draft, calls: list[Call]) -> None:
    """The files, or else the name, that `load_dataset` gets."""
    for call in calls:
        if call.name.rpartition(".")[2] != "load_dataset":
            continue
        table = arguments(call, draft.file)
        draft.note(table)
        files, path = table.settings.get("data_files"), table.settings.get("path")
        evaluated = isinstance(call.target, str) and re.search(r"eval|valid|dev|test", call.target)
        here = "preparation.eval_datasets" if evaluated else "preparation.datasets"
        if files is None:
            if path is not None and isinstance(path.value, str):
                draft.put(here, [path.value], path)
        elif isinstance(files.value, Mapping):
            for split, names in files.value.items():
                training = split.startswith("train")
                place = "preparation.datasets" if training else "preparation.eval_datasets"
                draft.put(place, _listed(names), files)
        elif files.value is not None:
            draft.put(here, _listed(files.value), files)


def _listed(value: Any) -> list[str]:  # noqa: ANN401
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _take_attributes(draft: Draft, tree: ast.Module) -> None:
    """Settings of objects: `model.config.use_cache = False`, `tokenizer.pad_token = ...`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        name = dotted(node.targets[0])
        holder, _, key = name.rpartition(".")
        if not holder or not (holder in TUNED or holder.endswith("config")):
            continue
        place = Place(draft.file, node.lineno, name)
        try:
            setting = Setting(ast.literal_eval(node.value), place)
        except ValueError:
            setting = Setting(None, place, literal=False)
        draft.written.append(Written(holder, key, setting.value, place, setting.literal))
        if key == "use_cache" and holder.endswith("config"):
            draft.set("hardware.use_cache", setting)
        if holder in TUNED and key in {"pad_token", "eos_token"} and setting.literal:
            draft.set(f"preparation.{key}", setting)


def _take_lightning(draft: Draft, calls: list[Call]) -> None:
    draft.assume(lightning.OWNER)
    trainer = next((c for c in calls if c.name.rpartition(".")[2] == "Trainer"), None)
    if trainer is None:
        message = f"{draft.file}: imports Lightning and makes no Trainer"
        raise InputError(message)
    table = arguments(trainer, draft.file)
    draft.note(table)
    lightning.take_trainer(draft, table)
    for call in calls:
        inner = arguments(call, draft.file)
        last = call.name.rpartition(".")[2]
        if last in OPTIMIZERS:
            draft.note(inner)
            draft.take(inner, {"lr": "learning_rate", "weight_decay": "weight_decay"})
        elif last == "DataLoader" and _shuffles(call):
            draft.note(inner)
            draft.take(inner, {
                "batch_size": "per_device_train_batch_size",
                "num_workers": "hardware.dataloader_num_workers",
            })  # fmt: skip
        elif last == lightning.EARLY_STOPPING:
            draft.note(inner)
            default = Setting(3, Place(draft.file, call.line, owner(call)))
            draft.set("early_stopping_patience", inner.settings.get("patience", default))
        elif last == "seed_everything" and call.node.args:
            draft.set("seed", _first(call, draft.file))
    draft.leave_open("learning_rate", "per_device_train_batch_size")


def _shuffles(call: Call) -> bool:
    """A loader that shuffles is that of the training data."""
    node = handed(call, "shuffle")
    return isinstance(node, ast.Constant) and node.value is True


def _first(call: Call, file: Path) -> Setting:
    place = Place(file, call.line, owner(call))
    try:
        return Setting(value_of(call.node.args[0], call.scope), place)
    except NotLiteralError:
        return Setting(None, place, literal=False)
