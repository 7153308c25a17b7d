"""The training step of a trainer as it stands: the user's own model, batch and loss.

Nothing of the user's is touched: modules are copied without their weights, the trainer is copied
around them, and its `training_step` is run as it is, on tensors without storage.
"""

from __future__ import annotations

import contextlib
import copy
import time
import traceback
from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any

import msgspec
import torch
from accelerate.utils.operations import convert_to_fp32
from torch import nn
from torch.utils._pytree import tree_map
from transformers import TrainerControl, TrainerState
from transformers.trainer_callback import CallbackHandler, DefaultFlowCallback

from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step
from tunewell.simulate.copies import own_containers
from tunewell.simulate.generation import generate
from tunewell.simulate.on_meta import META, Copier, NotCopiedError, modules_in
from tunewell.simulate.optimizers import NoSuchOptimizerError
from tunewell.simulate.step import Run
from tunewell.simulate.summary import summarise
from tunewell.simulate.training import enable_recomputing
from tunewell.simulate.triton import as_on_cuda

FLASH = "flash"
"""What is in the name of every attention of the flash-attn package."""
MASK, POSITIONS = "attention_mask", "position_ids"


def simulate(
    trainer: Any,  # noqa: ANN401  transformers has no types
    step: Step,
    batch: Any,  # noqa: ANN401  what a collator made
    evaluation: Any = None,  # noqa: ANN401  as above
    *,
    on_cuda: bool = True,
) -> Simulated | NotSimulated:
    """Simulate the step that a trainer would take, in this process.

    Args:
        trainer: of transformers, or one built on it; it stays as it is.
        step: says the device, the precision of autocast, the optimizer, accumulation, clipping and
            checkpointing. What it says of the model and its batch is not looked at.
        batch: what the trainer's collator made of its longest rows.
        evaluation: the same of the rows that it evaluates; None leaves evaluation out.
        on_cuda: whether TRL's Triton kernels run, as on a GPU.

    Returns:
        The memory and work of the step, or why it cannot run without values.
    """
    began = time.perf_counter()
    try:
        training = Live(trainer, batch, evaluation, on_cuda=on_cuda)
        step = msgspec.structs.replace(
            step,
            padded=needs_mask(batch),
            attention=FLASH if training.flash else "sdpa",
            loss="full",
            loop="trainer",
            evaluation_batch=None if evaluation is None else 1,
            generation_tokens=None if evaluation is None else step.generation_tokens,
        )
        run = Run(step, training.whole, training=training)
        run.everything()
        answer = summarise(run)
    except (NotCopiedError, NoSuchOptimizerError) as error:
        return NotSimulated(reason=str(error))
    except Exception as error:  # noqa: BLE001  whatever the user's code raises is told
        last = traceback.extract_tb(error.__traceback__)[-1]
        return NotSimulated(
            reason=(
                f"the trainer's step cannot run without values: {type(error).__name__} in "
                f"{last.name}: {str(error).partition(chr(10))[0][:200]}"
            )
        )
    return msgspec.structs.replace(answer, seconds=time.perf_counter() - began)


class Live:
    """The trainer's copy as a `Training`."""

    def __init__(
        self,
        trainer: Any,  # noqa: ANN401  transformers has no types
        batch: Any,  # noqa: ANN401  what a collator made
        evaluation: Any = None,  # noqa: ANN401  as above
        *,
        on_cuda: bool = True,
    ) -> None:
        self._batch = without_values(batch)
        self._evaluation = None if evaluation is None else without_values(evaluation)
        self._on_cuda = on_cuda
        self._items: Any = None
        self._before_backward: Callable[[], None] | None = None
        self.twin = _twin(trainer)
        self.model = self.twin.model
        self.flash = _without_flash(self.model)
        others = _others(self.twin)
        self.whole: nn.Module = _Whole(self.model, others) if others else self.model

    @contextlib.contextmanager
    def around(self, run: Run) -> Iterator[None]:
        """The accelerator's device, precision and backward pass; TRL's kernels."""
        real = self.twin.accelerator
        self.twin.accelerator = _Accelerator(real, run, self._backward)
        prepared = {id(model): model for model in (self.model, *_references(self.twin))}
        for model in prepared.values():
            _prepare(model, run)
        try:
            with as_on_cuda(run.storages) if self._on_cuda else contextlib.nullcontext():
                yield
        finally:
            self.twin.accelerator = real

    def beside(self, run: Run) -> None:
        """Nothing more: `whole` has the reference and whatever else the trainer holds."""

    def recompute(self, run: Run) -> str | None:
        """As the Trainer does when it begins to train."""
        if enable_recomputing(self.model, {"use_reentrant": run.step.reentrant}):
            return None
        if any(getattr(m, "gradient_checkpointing", False) for m in self.model.modules()):
            return None
        return "This model has no checkpointing: nothing is recomputed."

    def fetch(self, run: Run, count: int) -> list[Any]:
        """The longest batch so many times, and the number of its targets, as the Trainer counts."""
        batches = [tree_map(_like, self._batch) for _ in range(count)]
        for batch in batches:
            run.hold_inputs(batch)
        self.twin.current_gradient_accumulation_steps = count
        count_items = getattr(self.twin, "_get_num_items_in_batch", None)
        self._items = count_items(batches, torch.device(META)) if count_items is not None else None
        return batches

    def micro_batch(
        self,
        run: Run,  # noqa: ARG002  the protocol's
        batch: Any,  # noqa: ANN401  what a collator made
        held: list[object],  # noqa: ARG002  as above
        before_backward: Callable[[], None],
    ) -> None:
        """The trainer's own `training_step`."""
        self._before_backward = before_backward
        self.twin.training_step(self.model, copy.copy(batch), num_items_in_batch=self._items)

    def evaluate(self, run: Run, rows: int) -> None:  # noqa: ARG002  the batch has its rows
        """The trainer's own `prediction_step`."""
        batch = tree_map(_like, self._evaluation)
        run.hold_inputs(batch)
        if hasattr(self.twin.args, "predict_with_generate"):
            # What is written then is a phase of its own.
            self.twin.args.predict_with_generate = False
        alone = getattr(self.twin, "compute_metrics", None) is None
        config = getattr(self.model, "config", None)
        ignored = getattr(config, "keys_to_ignore_at_inference", None) or []
        with torch.no_grad():
            self.twin.prediction_step(
                self.model, copy.copy(batch), prediction_loss_only=alone, ignore_keys=ignored
            )

    def generate(self, run: Run, tokens: int) -> None:
        """By the model's own forward pass, with its cache."""
        batch = tree_map(_like, self._evaluation)
        batch.pop("labels", None)
        run.hold_inputs(batch)
        generate(self.model, batch, tokens, lambda inputs: self.model(**inputs))

    def _backward(self, loss: torch.Tensor) -> None:
        assert self._before_backward is not None  # noqa: S101  set for every micro-batch
        self._before_backward()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's


class _Accelerator:
    """The trainer's accelerator, on the meta device and alone."""

    def __init__(
        self,
        real: Any,  # noqa: ANN401  accelerate has no types
        run: Run,
        backward: Callable[[torch.Tensor], None],
    ) -> None:
        self._real = real
        self._run = run
        self._backward = backward
        self.device = torch.device(META)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  the accelerator's own
        return getattr(self._real, name)

    def backward(self, loss: torch.Tensor, **_: object) -> None:
        """The backward pass; a scaled loss takes no more memory."""
        self._backward(loss)

    def autocast(self, *_: object, **__: object) -> contextlib.AbstractContextManager[None]:
        """The region of mixed precision."""
        return self._run.autocasting()

    def gather(self, values: Any) -> Any:  # noqa: ANN401  nested tensors
        """One process has everything."""
        return values

    def gather_for_metrics(self, values: Any, *_: object, **__: object) -> Any:  # noqa: ANN401  as above
        """As above."""
        return values

    def unwrap_model(self, model: Any, *_: object, **__: object) -> Any:  # noqa: ANN401  as above
        """Nothing is wrapped."""
        return model


class _Whole(nn.Module):
    """The model beside what else lies on the device: a reference, a loss with weights."""

    def __init__(self, model: nn.Module, others: list[nn.Module]) -> None:
        super().__init__()
        self.model = model
        self.others = nn.ModuleList(others)


def needs_mask(batch: Any) -> bool:  # noqa: ANN401  what a collator made
    """Whether rows are padded, or several texts lie in one: attention then needs a mask."""
    if not hasattr(batch, "items"):
        return (
            any(needs_mask(part) for part in batch) if isinstance(batch, (list, tuple)) else False
        )
    for name, value in batch.items():
        if not isinstance(value, torch.Tensor):
            needed = needs_mask(value)
        elif value.device.type == META:
            needed = False
        elif name.endswith(MASK):
            needed = not bool(value.bool().all())
        else:
            needed = name == POSITIONS and not bool((value.diff(dim=-1) > 0).all())
        if needed:
            return True
    return False


def without_values(batch: Any) -> Any:  # noqa: ANN401  what a collator made
    """The batch by its shapes, as a plain dictionary where it is of a class of its own."""
    if hasattr(batch, "items"):
        return {name: without_values(value) for name, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return [without_values(value) for value in batch]
    return _like(batch)


def _like(value: Any) -> Any:  # noqa: ANN401  of any kind
    return torch.empty_like(value, device=META) if isinstance(value, torch.Tensor) else value


def _twin(trainer: Any) -> Any:  # noqa: ANN401  transformers has no types
    """A copy of the trainer around copied modules, with nothing that writes or reports."""
    copier = Copier()
    twin = copy.copy(trainer)
    for name, value in vars(trainer).items():
        holds = any(True for _ in modules_in(value))
        vars(twin)[name] = copier.copy(value) if holds else own_containers(value)
    twin.model_wrapped = twin.model
    twin.optimizer = twin.lr_scheduler = None
    twin.args = copy.copy(trainer.args)
    vars(twin.args)["_setup_devices"] = torch.device(META)
    twin.args._n_gpu = 1  # noqa: SLF001  the arguments' own
    twin.state, twin.control = TrainerState(), TrainerControl()
    twin.callback_handler = CallbackHandler([DefaultFlowCallback()], twin.model, None, None, None)
    return twin


def _others(twin: Any) -> list[nn.Module]:  # noqa: ANN401  as above
    """Other modules that the trainer holds and that have weights or buffers of their own."""
    known = {id(tensor) for tensor in (*twin.model.parameters(), *twin.model.buffers())}
    found: list[nn.Module] = []
    for value in vars(twin).values():
        for module in modules_in(value):
            tensors = {id(tensor) for tensor in (*module.parameters(), *module.buffers())}
            if not tensors <= known:
                found.append(module)
                known |= tensors
    return found


def _references(twin: Any) -> list[nn.Module]:  # noqa: ANN401  as above
    reference = getattr(twin, "ref_model", None)
    return [reference] if isinstance(reference, nn.Module) else []


def _prepare(model: Any, run: Run) -> None:  # noqa: ANN401  transformers has no types
    """Put accelerate's mixed precision around a forward: autocast inside, fp32 answers."""
    if run.autocast is None:
        return
    forward = model.forward

    def prepared(_: object, *args: Any, **named: Any) -> Any:  # noqa: ANN401  a forward's
        with run.autocasting():
            outputs = forward(*args, **named)
        return convert_to_fp32(outputs)

    model.forward = MethodType(prepared, model)


def _without_flash(model: Any) -> bool:  # noqa: ANN401  as above
    """Whether the flash-attn package runs; sdpa with its kernel alone then takes its place."""
    found = False
    for module in model.modules():
        config: Any = getattr(module, "config", None)
        named = getattr(config, "_attn_implementation", None)
        if isinstance(named, str) and FLASH in named:
            config._attn_implementation = "sdpa"  # noqa: SLF001  transformers' own
            found = True
    return found
