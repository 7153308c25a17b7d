"""A copy of a trainer that can train without touching anything of the user's.

The copy has a model, an optimizer, a state and callbacks of its own. Frozen weights are shared with
the user's model, because no step changes them: a rehearsal of an adapter on a large base needs the
memory of the adapter, not of the base.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from accelerate.state import AcceleratorState, GradientState, PartialState
from torch.utils.data import SequentialSampler, Subset
from transformers import DefaultFlowCallback, TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_callback import CallbackHandler

from tunewell.core.check import NotRunError
from tunewell.preflight.rollout import require_own_rollout, rolls_out, shorten
from tunewell.preflight.stage import REHEARSED, core_of
from tunewell.simulate.copies import own_containers, own_forward

SHARE = 0.5
"""Of the free memory of a device, the most that a copy of the trained weights may take: the rest is
for gradients, the optimizer's state and activations."""

BYTES_OF_A_STEP = 4
"""Gradients and Adam's two moments beside the copy itself: each as large as the trained weights."""

MOST_ON_CPU = 600_000_000
"""Values of a model whose step on a CPU is waited for: two rows of 512 tokens take a minute."""


class NoRoomError(NotRunError):
    """The weights are not there, or a step on a copy of them takes too much memory or time."""


@contextlib.contextmanager
def shadow(
    trainer: Any,
    rows: Sequence[int],
    *,
    dataset: Any = None,
    callbacks: Sequence[TrainerCallback] = (),
    **arguments: Any,
) -> Iterator[Any]:
    """A trainer like the user's over some rows, in their order, with a model of its own.

    Nothing is logged, saved, evaluated or reported, and the learning rate is constant without a
    warm-up, unless `arguments`, which replace those of `trainer.args`, say otherwise. A global
    state that training touches (random generators are `quiet`'s) is given back at the end.

    Args:
        trainer: the user's; it stays as it is.
        rows: rows of its training set, by 0-based number.
        dataset: where the rows come from; the trainer's training set where None.
        callbacks: told what happens; the user's own are left out.
        arguments: arguments of training to change.

    Raises:
        NotRunError: if the trained weights cannot be copied here.
    """
    require_copyable(trainer)
    shared = [
        (state._shared_state, copy.copy(state._shared_state))  # noqa: SLF001  accelerate's own
        for state in (AcceleratorState, PartialState, GradientState)
    ]
    with tempfile.TemporaryDirectory(prefix="tunewell-") as folder:
        try:
            yield _copied(trainer, rows, dataset, callbacks, {"output_dir": folder, **arguments})
        finally:
            for live, before in shared:
                live.clear()
                live.update(before)


def require_copyable(trainer: Any) -> None:
    """Check that a copy of the trainer can take a step of its own in this process.

    Raises:
        NoRoomError: if it has no weights yet, or is too large or too slow here.
        NotRunError: if training is spread over processes, or a step calls what is the user's.
    """
    args = trainer.args
    if args.world_size > 1:
        message = "the rehearsal takes steps in one process; run tunewell without torchrun"
        raise NotRunError(message)
    if getattr(trainer, "is_deepspeed_enabled", False) or getattr(
        trainer, "is_fsdp_enabled", False
    ):
        message = "weights that DeepSpeed or FSDP shards cannot be rehearsed in one process"
        raise NotRunError(message)
    if rolls_out(trainer):
        require_own_rollout(trainer)
    by_device: collections.Counter[torch.device] = collections.Counter()
    on_cpu = 0
    for parameter in trainer.model.parameters():
        if parameter.device.type == "meta":
            message = "the model has no weights yet (meta device)"
            raise NoRoomError(message)
        on_cpu += parameter.numel() if parameter.device.type == "cpu" else 0
        if parameter.requires_grad:
            by_device[parameter.device] += parameter.numel() * parameter.element_size()
    for device, size in by_device.items():
        free = _free_bytes(device)
        if size * BYTES_OF_A_STEP > SHARE * free:
            message = (
                f"a step on a copy needs {size * BYTES_OF_A_STEP / 1e9:,.1f} GB on {device}, and "
                f"{free / 1e9:,.1f} GB are free"
            )
            raise NoRoomError(message)
    if on_cpu > MOST_ON_CPU:
        message = f"a step of {on_cpu / 1e9:,.1f} billion values takes minutes on a CPU"
        raise NoRoomError(message)


def _free_bytes(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    from tunewell.readers.machine import read_machine  # noqa: PLC0415  asks the driver

    return float(read_machine().memory_bytes)


def copy_model(model: Any, memo: dict[int, Any] | None = None) -> Any:
    """A deep copy that shares the frozen weights, in the same modes.

    `memo` is filled with what became of each object, by its id.

    Raises:
        NotRunError: if the model holds tensors that were computed from others, as tied adapters do.
    """
    memo = {} if memo is None else memo
    for parameter in model.parameters():
        if not parameter.requires_grad:
            memo[id(parameter)] = parameter
    try:
        copied = copy.deepcopy(model, memo)
    except RuntimeError as error:
        if "deepcopy protocol" not in str(error):
            raise
        message = "the model cannot be copied: it keeps tensors that were computed from others"
        raise NotRunError(message) from error
    own_forward(copied, model)
    if core_of(copied) is not copied:
        own_forward(core_of(copied), core_of(model))
    return copied


def without_dropout(model: Any) -> Any:
    """Switch every dropout of a copied model off, also those that are numbers of attention."""
    for module in model.modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd):  # noqa: SLF001  their base
            module.p = 0.0
        for name in ("attention_dropout", "dropout", "dropout_p", "dropout_prob", "layerdrop"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
    return model


def _copied(
    trainer: Any,
    rows: Sequence[int],
    dataset: Any,
    callbacks: Sequence[TrainerCallback],
    arguments: dict[str, Any],
) -> Any:
    memo: dict[int, Any] = {}
    twin = copy.copy(trainer)
    for name, value in vars(trainer).items():
        vars(twin)[name] = own_containers(value)
    setattr(twin, REHEARSED, True)
    twin.args = _arguments(trainer.args, arguments)
    twin.model = copy_model(trainer.model, memo)
    twin.model_wrapped = twin.model
    twin.model_init = None
    _follow(twin, trainer.model, memo)
    twin.optimizer = copy.deepcopy(trainer.optimizer, memo)
    twin.lr_scheduler = None
    twin.data_collator = copy.deepcopy(trainer.data_collator)
    source = trainer.train_dataset if dataset is None else dataset
    twin.train_dataset = subset(source, rows)
    twin.eval_dataset = None
    if rolls_out(trainer):
        shorten(twin)  # and its own sampler, which repeats each prompt
    else:
        twin._get_train_sampler = lambda dataset=None: SequentialSampler(  # noqa: SLF001  its hook
            twin.train_dataset if dataset is None else dataset
        )
    twin._train_batch_size = twin.args.train_batch_size  # noqa: SLF001  the trainer's own
    twin.state, twin.control = TrainerState(), TrainerControl()
    twin.callback_handler = CallbackHandler(
        [DefaultFlowCallback(), *callbacks],
        twin.model,
        getattr(trainer, "processing_class", None),
        twin.optimizer,
        None,
    )
    twin.create_accelerator_and_postprocess()
    # It would collect garbage over everything in the process, 0.6 s each time, for an accelerator
    # that holds nothing yet.
    twin.accelerator.free_memory = lambda *held: list(held)
    return twin


def _follow(twin: Any, model: Any, memo: dict[int, Any]) -> None:
    """Give the copy its own of every other part that holds the user's model, such as a loss."""
    for name, value in vars(twin).items():
        if isinstance(value, torch.nn.Module) and _holds(value, model):
            vars(twin)[name] = copy.deepcopy(value, memo)
        elif isinstance(value, dict):
            for key, part in value.items():
                if isinstance(part, torch.nn.Module) and _holds(part, model):
                    value[key] = copy.deepcopy(part, memo)


def _holds(part: torch.nn.Module, model: Any) -> bool:
    return part is not model and any(module is model for module in part.modules())


def _arguments(args: Any, changes: dict[str, Any]) -> Any:
    """The user's arguments with nothing that writes, reports, waits or evaluates."""
    quieted = copy.copy(args)
    still = {
        "eval_strategy": "no",
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "push_to_hub": False,
        "load_best_model_at_end": False,
        "eval_on_start": False,
        "auto_find_batch_size": False,
        "dataloader_num_workers": 0,
        "dataloader_prefetch_factor": None,
        "dataloader_persistent_workers": False,
        "dataloader_pin_memory": False,
        "dataloader_drop_last": False,
        "warmup_steps": 0,
        "lr_scheduler_type": "constant",
        "lr_scheduler_kwargs": {},
        "save_total_limit": None,
        "resume_from_checkpoint": None,
    }
    for name, value in {**still, **changes}.items():
        object.__setattr__(quieted, name, value)
    if quieted.accelerator_config is not None:
        quieted.accelerator_config = copy.copy(quieted.accelerator_config)
    return quieted


def subset(dataset: Any, rows: Sequence[int]) -> Any:
    """So many rows of a data set, by their numbers."""
    if hasattr(dataset, "select") and hasattr(dataset, "column_names"):
        return dataset.select(list(rows))
    return Subset(dataset, list(rows))
