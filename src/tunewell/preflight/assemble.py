"""Build the trainer that a configuration of TRL describes, over a sample of its data."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tunewell.core.check import NotRunError
from tunewell.preflight.stand_in import STANDS_IN, small_config
from tunewell.subjects.recipe import Adapter, Recipe
from tunewell.train.quiet import quiet

READ = 4_000
"""Rows that are read: a verdict in seconds is wanted, and what masks one row masks its like."""

KEPT = 192
"""Rows that are prepared: a third the longest, the others at random."""

LARGEST_WEIGHTS = 2e9
"""Bytes of weights that are loaded; a larger model is stood in for by a small one of its kind."""

TRAINERS: Mapping[str, tuple[str, str]] = {
    "sft": ("SFTTrainer", "SFTConfig"),
    "dpo": ("DPOTrainer", "DPOConfig"),
    "kto": ("KTOTrainer", "KTOConfig"),
    "reward": ("RewardTrainer", "RewardConfig"),
}
KINDS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet", ".txt": "text"}


@dataclasses.dataclass(frozen=True, slots=True)
class Assembled:
    """A trainer built from files. `rows` are the numbers of its rows in the file, from 0.

    `stands_in` tells that the model is a small one with random weights.
    """

    trainer: Any
    rows: tuple[int, ...]
    stands_in: bool


@contextlib.contextmanager
def assembled(recipe: Recipe, files: Sequence[Path], model: Path) -> Iterator[Assembled]:
    """The trainer of TRL that a recipe describes. It lives in a temporary folder.

    Args:
        recipe: its task says which trainer; what it has written for TRL is what counts.
        files: training data.
        model: a folder with config.json and a tokenizer; weights may be missing.

    Raises:
        NotRunError: if TRL has no trainer for the task, or refuses what it is given.
    """
    require_assembly(recipe, files)
    with tempfile.TemporaryDirectory(prefix="tunewell-") as folder, quiet(), _no_bars():
        rows, records = _sample(files)
        try:
            trainer, stands_in = _build(recipe, records, model, folder)
        except Exception as error:
            said = " ".join(str(error).split())
            message = f"TRL refuses to build the trainer: {type(error).__name__}: {said}"
            raise NotRunError(message) from error
        yield Assembled(trainer, rows, stands_in)


@contextlib.contextmanager
def _no_bars() -> Iterator[None]:
    """Without the progress bars of datasets: the sample is small."""
    from datasets.utils.logging import (  # noqa: PLC0415  takes a second to import
        disable_progress_bar,
        enable_progress_bar,
        is_progress_bar_enabled,
    )

    shown = is_progress_bar_enabled()
    disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            enable_progress_bar()


def require_assembly(recipe: Recipe, files: Sequence[Path]) -> None:
    """Check that there is a trainer for the task and a reader for the files.

    Raises:
        NotRunError: if not; the text says what to do instead.
    """
    if recipe.task not in TRAINERS:
        message = f"no trainer is built from files for {recipe.task}; use tunewell run SCRIPT"
        raise NotRunError(message)
    unknown = [file for file in files if file.suffix not in KINDS]
    if unknown or not files:
        message = f"{unknown[0] if unknown else 'no file'}: no kind of data that TRL is given here"
        raise NotRunError(message)


def _sample(files: Sequence[Path]) -> tuple[tuple[int, ...], list[dict[str, Any]]]:
    from datasets import load_dataset  # noqa: PLC0415  takes a second to import

    kind = KINDS[files[0].suffix]
    stream = load_dataset(kind, data_files=[str(f) for f in files], split="train", streaming=True)
    read = list(itertools.islice(stream, READ))
    sizes = np.array([len(str(row)) for row in read])
    longest = np.argsort(-sizes, kind="stable")[: KEPT // 3]
    others = np.setdiff1d(np.arange(len(read)), longest)
    drawn = np.random.default_rng(0).permutation(others)[: KEPT - len(longest)]
    rows = tuple(int(row) for row in np.sort(np.concatenate([longest, drawn])))
    return rows, [read[row] for row in rows]


def _build(
    recipe: Recipe, records: list[dict[str, Any]], model: Path, folder: str
) -> tuple[Any, bool]:
    import trl  # noqa: PLC0415  takes seconds to import
    from datasets import Dataset  # noqa: PLC0415  as above
    from transformers import AutoTokenizer  # noqa: PLC0415  as above

    trainer, config = (getattr(trl, name) for name in TRAINERS[recipe.task])
    network, stands_in = _model(recipe, model)
    made = trainer(
        model=network,
        args=config(**_settings(recipe, config, folder)),
        train_dataset=Dataset.from_list(records),
        processing_class=AutoTokenizer.from_pretrained(str(model), local_files_only=True),
        peft_config=_adapter(recipe.adapter),
    )
    return made, stands_in


def _settings(recipe: Recipe, config: Any, folder: str) -> dict[str, Any]:
    """What the user wrote for this class of arguments, where this machine can follow it."""
    import torch  # noqa: PLC0415  takes seconds to import

    known = {field.name for field in dataclasses.fields(config) if field.init}
    written = {
        entry.key: entry.value for entry in recipe.written if entry.literal and entry.key in known
    }
    settings = {"learning_rate": recipe.learning_rate, **written}
    settings |= {
        "output_dir": folder, "report_to": "none", "push_to_hub": False, "disable_tqdm": True,
        "eval_strategy": "no", "dataset_num_proc": None, "resume_from_checkpoint": None,
        "load_best_model_at_end": False, "deepspeed": None, "fsdp": None, "torch_compile": False,
    }  # fmt: skip
    if not torch.cuda.is_available():
        settings |= {"use_cpu": True, "bf16": False, "fp16": False, "tf32": None}
    return {name: value for name, value in settings.items() if name in known}


def _model(recipe: Recipe, folder: Path) -> tuple[Any, bool]:
    import torch  # noqa: PLC0415  takes seconds to import
    import transformers  # noqa: PLC0415  as above

    kind = transformers.AutoModelForCausalLM
    extra: dict[str, Any] = {}
    if recipe.task == "reward":
        kind, extra = transformers.AutoModelForSequenceClassification, {"num_labels": 1}
    config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True, **extra)
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    if 0 < weights <= LARGEST_WEIGHTS:
        return kind.from_pretrained(
            str(folder), config=config, local_files_only=True, dtype=torch.float32
        ), False
    with torch.random.fork_rng():
        torch.manual_seed(0)
        small = kind.from_config(small_config(config), dtype=torch.float32)
    setattr(small, STANDS_IN, True)
    return small, True


def _adapter(adapter: Adapter | None) -> Any:
    if adapter is None or adapter.base is not None:
        return None
    from peft import LoraConfig  # noqa: PLC0415  only where PEFT is in use

    targets, saved = adapter.target_modules, adapter.modules_to_save
    return LoraConfig(
        r=adapter.r,
        lora_alpha=adapter.lora_alpha,
        lora_dropout=adapter.lora_dropout,
        target_modules=list(targets) if isinstance(targets, tuple) else targets,
        modules_to_save=None if saved is None else list(saved),
        task_type=adapter.task_type,
        use_rslora=adapter.use_rslora,
        use_dora=adapter.use_dora,
        bias=adapter.bias,
    )
