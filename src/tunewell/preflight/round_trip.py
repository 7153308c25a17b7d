"""Save the copy after a step, load it freshly, and compare."""

from __future__ import annotations

import contextlib
import copy
import inspect
import tempfile
from pathlib import Path
from typing import Any

import torch

from tunewell.core.check import NotRunError
from tunewell.preflight.collate import told
from tunewell.preflight.rollout import rolls_out
from tunewell.preflight.setup import ADAPTER_PARTS
from tunewell.preflight.shadow import copy_model, shadow
from tunewell.preflight.stage import Probe, Stage, core_of
from tunewell.preflight.stand_in import able
from tunewell.simulate.copies import own_forward
from tunewell.subjects.round_trip import RoundTrip

ROWS = 2
RATE = 1e-2
"""Learning rate of the step: large, so that what is lost between memory and file shows."""

MOST_BYTES = 2e9
"""What is written at most."""

REPEATED = 1e-3
"""How far apart two passes of one model over one batch may be, in units of the spread."""

EMBEDDINGS = ("embed", "lm_head", "wte")
SHOWN = 50


def travel(stage: Stage) -> RoundTrip:
    """Take a step on a copy, save it the trainer's way, load it and compare the outputs.

    Raises:
        NotRunError: if the model is none that transformers or PEFT saves, is too large, or gives
            other outputs each time.
    """
    acting, stand_in = able(stage)
    trainer = acting.trainer
    adapted = hasattr(trainer.model, "peft_config")
    if not hasattr(acting.core, "save_pretrained") or not hasattr(acting.core, "base_model_prefix"):
        message = "the model is none that transformers saves and loads"
        raise NotRunError(message)
    if rolls_out(trainer):
        message = "the batches of this trainer hold prompts, of which no outputs can be compared"
        raise NotRunError(message)
    size = sum(
        p.numel() * p.element_size()
        for p in trainer.model.parameters()
        if p.requires_grad or not adapted
    )
    if size > MOST_BYTES:
        message = f"{size / 1e9:,.1f} GB would be written, more than a check should"
        raise NotRunError(message)
    rows = acting.train.rows[-ROWS:]
    with shadow(
        trainer, rows, dataset=acting.train.dataset, max_steps=1, learning_rate=RATE,
        per_device_train_batch_size=ROWS, gradient_accumulation_steps=1,
    ) as twin, tempfile.TemporaryDirectory(prefix="tunewell-") as folder:  # fmt: skip
        batch = next(iter(twin.get_train_dataloader()))
        twin.train()
        twin.save_model(folder)
        # Without accelerate's autocast, which the loaded model does not have.
        own_forward(twin.model, twin.model)
        return _compared(acting, twin, _inputs(twin, batch), Path(folder), stand_in=stand_in)


PROBE = Probe(gives=RoundTrip, run=travel, steps=True)


def _compared(
    stage: Stage, twin: Any, inputs: dict[str, Any], folder: Path, *, stand_in: bool
) -> RoundTrip:
    model = twin.model
    adapted = hasattr(model, "peft_config")
    tensors = _saved(folder)
    outputs = _outputs(model, inputs)
    if _apart(outputs, _outputs(model, inputs)) > REPEATED:
        message = "two passes over one batch give different outputs, saved or not"
        raise NotRunError(message)
    difference = effect = effect_loaded = merged = None
    raised: str | None = None
    try:
        loaded = _loaded(stage, folder, adapted=adapted)
        difference = _apart(outputs, _outputs(loaded, inputs))
        if adapted:
            effect = _effect(model, outputs, inputs)
            effect_loaded = _effect(loaded, _outputs(loaded, inputs), inputs)
    except Exception as error:  # noqa: BLE001  that it cannot be loaded is the finding
        raised = told(error)
    if adapted and raised is None and _touches_tied(model):
        merged = _merged(model, outputs, inputs)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    return RoundTrip(
        difference=difference,
        files=tuple(sorted(file.name for file in folder.rglob("*") if file.is_file())),
        trained=len(trained),
        saved=len(tensors),
        absent=tuple(_absent(trained, tensors)) if adapted else (),
        not_finite=tuple(
            name
            for name, tensor in tensors.items()
            if tensor.is_floating_point() and not torch.isfinite(tensor).all()
        )[:SHOWN],
        prefixed=any("_orig_mod." in name for name in tensors),
        adapter=adapted,
        effect=effect,
        effect_loaded=effect_loaded,
        merged=merged,
        raised=raised,
        coarse=any(p.dtype in {torch.bfloat16, torch.float16} for p in model.parameters()),
        stand_in=stand_in,
    )


def _inputs(twin: Any, batch: Any) -> dict[str, Any]:
    """What of the batch the model's own forward takes, without labels."""
    prepared = twin._prepare_inputs(batch)  # noqa: SLF001  the trainer's own
    known = inspect.signature(type(core_of(twin.model)).forward).parameters
    given = {name: prepared[name] for name in prepared if name in known and "label" not in name}
    if "decoder_input_ids" in known and "decoder_input_ids" not in given and "labels" in prepared:
        given["decoder_input_ids"] = prepared["labels"].clamp(min=0)
    if not given:
        message = "the model takes nothing of what the collator gives"
        raise NotRunError(message)
    return given


def _outputs(model: Any, inputs: dict[str, Any]) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        found = model(**inputs)
    for name in ("logits", "last_hidden_state"):
        output: torch.Tensor | None = getattr(found, name, None)
        if output is not None:
            return output.float()
    message = "the model gives no logits"
    raise NotRunError(message)


def _apart(one: torch.Tensor, other: torch.Tensor) -> float:
    spread = float(one.std()) or 1.0
    if one.shape != other.shape:
        return float("inf")
    return float((one - other.to(one.device)).abs().max()) / spread


def _loaded(stage: Stage, folder: Path, *, adapted: bool) -> Any:
    device = next(stage.trainer.model.parameters()).device
    if not adapted:
        kind = type(stage.core)
        return kind.from_pretrained(
            folder,
            dtype=stage.core.dtype,
            attn_implementation=stage.core.config._attn_implementation,  # noqa: SLF001
        ).to(device)
    from peft import PeftModel  # noqa: PLC0415  only where PEFT is in use

    # The base as it was before the step: what was trained outside the adapter must be in the file.
    base = copy_model(stage.trainer.model).unload()
    place = folder / stage.trainer.model.active_adapter
    return PeftModel.from_pretrained(base, place if place.is_dir() else folder)


def _effect(model: Any, with_adapter: torch.Tensor, inputs: dict[str, Any]) -> float:
    with model.disable_adapter():
        return _apart(with_adapter, _outputs(model, inputs))


def _touches_tied(model: Any) -> bool:
    """Whether an adapter changes one of two weights that are one in the configuration."""
    config = core_of(model).config
    if not getattr(config.get_text_config(), "tie_word_embeddings", False):
        return False
    return any(
        p.requires_grad and any(part in name for part in EMBEDDINGS)
        for name, p in model.named_parameters()
    )


def _merged(model: Any, outputs: torch.Tensor, inputs: dict[str, Any]) -> float | None:
    with tempfile.TemporaryDirectory(prefix="tunewell-") as folder, contextlib.suppress(Exception):
        whole = copy.deepcopy(model).merge_and_unload()
        whole.save_pretrained(folder)
        again = type(whole).from_pretrained(folder, dtype=whole.dtype).to(outputs.device)
        return _apart(outputs, _outputs(again, inputs))
    return None


def _saved(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file  # noqa: PLC0415  comes with transformers

    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.rglob("*.safetensors")):
        found |= load_file(file)
    return found


def _absent(trained: list[str], tensors: dict[str, torch.Tensor]) -> list[str]:
    """Trained tensors that belong to no adapter and are in no file."""
    own = [name for name in trained if not ADAPTER_PARTS.search(name)]
    plain = [
        (name, name.removeprefix("base_model.model.").replace(".base_layer", "")) for name in own
    ]
    return [name for name, end in plain if not any(saved.endswith(end) for saved in tensors)][
        :SHOWN
    ]
