"""One configuration, trained for real: by the Hugging Face Trainer, or in a plain loop."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import construct
import torch
import transformers
from observe import MOST_STEPS, PEAK_STEPS, Observer, Watcher
from torch.utils.data import DataLoader, Dataset

from tunewell.plan.step import Step

EVALUATION_BATCHES = 2
LEARNING_RATE = 1e-5


def device() -> torch.device:
    """The GPU, or the CPU of a machine without one."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


class Repeated(Dataset[dict[str, torch.Tensor]]):
    """A few rows, again and again, so that long runs need little host memory."""

    def __init__(self, rows: list[dict[str, torch.Tensor]], length: int) -> None:
        self.rows = rows
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.rows[index % len(self.rows)]


def measure(step: Step, where: torch.device, *, most_steps: int = MOST_STEPS) -> dict[str, Any]:
    """Memory in bytes (None without a GPU), seconds, kernels and counts of parameters.

    Raises torch.OutOfMemoryError when the step does not fit.
    """
    if where.type == "cuda":
        torch.cuda.init()
    torch.manual_seed(0)
    observer = Observer(where)
    began = time.perf_counter()
    observer.mark("load")
    model = construct.build(step, where)
    data = Repeated(
        construct.rows(step, step.batch), step.batch * step.accumulation * (most_steps + 1)
    )
    loaded = torch.cuda.memory_allocated() if observer.cuda else None
    built = time.perf_counter()
    run = _trainer if step.loop == "trainer" else _plain
    run(step, model, data, observer, most_steps)
    parameters = list(model.parameters())
    config = construct.model_config(step)
    return {
        "memory": observer.memory(),
        "loaded_allocated": loaded,
        "seconds": {**observer.time(), "build": built - began},
        "attention_kernels": {
            name: count for name, count in observer.kernels.items() if "attention" in name
        },
        "operations": observer.kernels,
        "optimizer_states": observer.optimizer_states,
        "steps": observer.steps,
        "parameters": sum(p.numel() for p in parameters),
        "parameter_bytes": sum(p.numel() * p.element_size() for p in parameters),
        "trainable": sum(p.numel() for p in parameters if p.requires_grad),
        "use_cache": getattr(getattr(model, "config", config), "use_cache", None),
        "attention": getattr(getattr(model, "config", config), "_attn_implementation", None),
        "experts": getattr(getattr(model, "config", config), "_experts_implementation", None),
    }


def _trainer(
    step: Step, model: torch.nn.Module, data: Repeated, observer: Observer, most_steps: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trainer = transformers.Trainer(
            model=model,
            args=_arguments(step, folder, most_steps, on_cpu=not observer.cuda),
            train_dataset=data,
            data_collator=transformers.default_data_collator,
            callbacks=[Watcher(observer, most_steps=most_steps)],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        observer.mark("other")
        observer.watch(trainer.model)
        trainer.train()
        if step.evaluation_batch:
            rows = Repeated(data.rows, step.evaluation_batch * EVALUATION_BATCHES)
            observer.mark("evaluation")
            trainer.evaluate(rows)
            observer.mark(None)
        if step.generation_tokens:
            _generate(step, trainer.model, data, observer)


def _arguments(
    step: Step, folder: str, most_steps: int, *, on_cpu: bool
) -> transformers.TrainingArguments:
    return transformers.TrainingArguments(
        output_dir=folder,
        max_steps=most_steps,
        per_device_train_batch_size=step.batch,
        per_device_eval_batch_size=step.evaluation_batch or step.batch,
        gradient_accumulation_steps=step.accumulation,
        gradient_checkpointing=step.checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": step.reentrant},
        bf16=step.autocast == "bf16",
        fp16=step.autocast == "fp16",
        optim=step.optimizer,
        learning_rate=LEARNING_RATE,
        max_grad_norm=1.0 if step.clipping else 0.0,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
        use_cpu=on_cpu,
    )


def _generate(step: Step, model: Any, data: Repeated, observer: Observer) -> None:  # noqa: ANN401 - any model with generate
    batch = transformers.default_data_collator(
        [data[index] for index in range(step.evaluation_batch or step.batch)]
    )
    names = ("input_ids", "attention_mask", "input_features")
    device = next(model.parameters()).device
    inputs = {name: batch[name].to(device) for name in names if name in batch}
    model.eval()
    observer.mark("generation")
    model.generate(
        **inputs,
        max_new_tokens=step.generation_tokens,
        min_new_tokens=step.generation_tokens,
        do_sample=False,
        use_cache=True,
    )
    observer.mark(None)


def _plain(
    step: Step, model: torch.nn.Module, data: Repeated, observer: Observer, most_steps: int
) -> None:
    if step.checkpointing:
        model.gradient_checkpointing_enable(
            gradient_checkpointing_kwargs={"use_reentrant": step.reentrant}
        )
    device = next(model.parameters()).device
    optimizer = _optimizer(step, [p for p in model.parameters() if p.requires_grad])
    batches = _batches(step, data, device)
    model.train()
    observer.mark("other")
    observer.watch(model)
    done = False
    while not done:
        observer.step_begins()
        _plain_step(step, model, optimizer, batches, observer)
        done = observer.step_ends(optimizer) or observer.steps == most_steps


def _batches(step: Step, data: Repeated, device: torch.device) -> Iterator[dict[str, torch.Tensor]]:
    loader = DataLoader(data, step.batch, collate_fn=transformers.default_data_collator)
    while True:
        for batch in loader:
            yield {name: value.to(device) for name, value in batch.items()}


def _plain_step(
    step: Step,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[dict[str, torch.Tensor]],
    observer: Observer,
) -> None:
    """Outputs, loss and gradients live to the end of the step."""
    where = next(model.parameters()).device
    for _ in range(step.accumulation):
        batch = next(batches)
        with (
            torch.autocast(where.type, construct.DTYPES[step.autocast])
            if step.autocast
            else contextlib.nullcontext()
        ):
            outputs = model(**batch)
        loss = outputs["loss"] / step.accumulation
        loss.backward()
    if step.clipping:
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    if observer.recording:
        observer.mark("optimizer")
    optimizer.step()
    optimizer.zero_grad()


def _optimizer(step: Step, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    if step.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=LEARNING_RATE)
    fused = step.optimizer == "adamw_torch_fused"
    return torch.optim.AdamW(parameters, lr=LEARNING_RATE, fused=fused or None)


__all__ = ["MOST_STEPS", "PEAK_STEPS", "device", "measure"]
