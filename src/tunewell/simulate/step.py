"""One training step, run twice on the meta device: as a Trainer or a plain loop runs it."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.fx.experimental import _config as fx_config
from torch.utils import checkpoint
from torch.utils._pytree import tree_leaves

from tunewell.plan.step import Step
from tunewell.simulate import losses
from tunewell.simulate.attention import Kernels
from tunewell.simulate.autocast import Autocast
from tunewell.simulate.cuda import Cuda, Recomputed, regions_of
from tunewell.simulate.models import DTYPES
from tunewell.simulate.reductions import Processors
from tunewell.simulate.sharding import ranks_of
from tunewell.simulate.storages import Storages
from tunewell.simulate.training import OfModel, Training

MIB = 1024**2
HOPPER = 90
WORKSPACE = 4096 * 1024 * 2 + 16 * 1024 * 8
"""Bytes that PyTorch gives each cuBLAS handle (CUDAHooks: ":4096:2:16:8")."""
WORKSPACE_HOPPER = 32 * MIB
LIGHT_WORKSPACE = MIB
"""Of cuBLASLt, which adds the bias of a linear layer to its product."""
ADDMM = "aten::addmm"
ITERATIONS = 2
"""From the second step on the optimizer's states are there in the forward pass too."""


class Run:
    """A step in progress: the model, its storages, and the emulation they run under."""

    def __init__(self, step: Step, model: nn.Module, *, training: Training | None = None) -> None:
        self.step = step
        self.model: Any = model
        self.training = training or OfModel(model)
        self.storages = Storages(_processors(step.device.capability))
        self.kernels = Kernels(
            capability=step.device.capability,
            version=_version(step.device.torch or torch.__version__),
            only="flash" if step.attention == "flash" else step.attention_kernel,
        )
        self.ranks = ranks_of(step, model, self.storages)
        precision = step.autocast if self.ranks.autocasts else None
        dtype = DTYPES[precision] if precision is not None else None
        self.autocast = Autocast(dtype, self._cast) if dtype is not None else None
        self.cuda = Cuda(self.kernels, autocast=self.autocast, padded=step.padded)
        self.assumptions: list[str] = []
        self.vocabulary = _vocabulary(self.training.model)

    def _cast(self, copy: torch.Tensor) -> None:
        self.storages.say(copy, "weights")

    def everything(self) -> None:
        """Load, train two steps, and evaluate where that is asked for."""
        step, storages = self.step, self.storages
        if step.checkpointing:
            refused = self.training.recompute(self)
            self.assumptions += [refused] if refused is not None else []
        if step.loss == "chunked" and not losses.in_chunks(self.model):
            self.assumptions.append("The model has no head that could compute its loss in chunks.")
        storages.mark("load")
        self.ranks.load()
        self.training.beside(self)
        if step.loop == "trainer":
            # accelerate's free_memory(), before the first step.
            storages.empty_cache()
        optimizer = self._optimizer()
        gc.collect()
        with (
            self._modules_named(),
            regions_of(self.autocast),
            self._recomputing(),
            _everything_picked(),
            self.training.around(self),
            storages,
            self.cuda,
        ):
            storages.once_after_product(self._workspace)
            storages.once_after(ADDMM, self._light_workspace)
            for iteration in range(ITERATIONS):
                self._train(optimizer, iteration)
            self.ranks.end_training()
            storages.mark("saving")
            if step.evaluation_batch is not None:
                self._evaluate(step.evaluation_batch)
            if step.generation_tokens is not None:
                self._generate(step.generation_tokens)
            storages.mark("end")
        storages.close()
        self.assumptions += self.ranks.assumptions
        if storages.guessed:
            self.assumptions.append(
                "How much is picked by value (a mask, an expert) was taken to be everything."
            )

    def _optimizer(self) -> torch.optim.Optimizer:
        optimizer = self.ranks.optimizer()
        for state in optimizer.state.values():
            for value in state.values():
                # Adagrad makes its states before the first step.
                self.storages.add(value, "optimizer state", kind="optimizer")
        return optimizer

    def _train(self, optimizer: torch.optim.Optimizer, iteration: int) -> None:
        step, storages = self.step, self.storages
        trainer = step.loop == "trainer"
        storages.mark(f"{iteration}:forward")
        # The Trainer fetches the batches of a whole optimizer step at once.
        fetched = step.accumulation if trainer else 1
        batches = self.training.fetch(self, fetched)
        for batch in batches:
            self.hold_inputs(batch)
        if not trainer:
            self.ranks.forget_gradients(optimizer)
        held: list[object] = []
        first = iteration == 0

        def between() -> None:
            nonlocal first
            storages.mark(f"{iteration}:backward")
            if first:
                storages.once_after_product(self._workspace)
            first = False

        for part in range(self.parts):
            storages.mark(f"{iteration}:forward")
            self.ranks.begin(first=part == 0, last=part == self.parts - 1)
            self.training.micro_batch(self, batches[0], held, between)
            self.ranks.after_backward()
        self.ranks.clip()
        storages.mark(f"{iteration}:optimizer")
        self.ranks.update(optimizer)
        if trainer:
            self.ranks.forget_gradients(optimizer)
        held.clear()

    @property
    def parts(self) -> int:
        """Micro-batches that are run: more than two change nothing."""
        return min(self.step.accumulation, 2)

    def hold_inputs(self, batch: object) -> None:
        """Count the tensors of a batch, which the loop holds."""
        for value in tree_leaves(batch):
            self.storages.add(value, "input", kind="other")

    def autocasting(self) -> AbstractContextManager[None]:
        """The region in which accelerate runs a forward pass."""
        return self.autocast.region() if self.autocast is not None else nullcontext()

    def _evaluate(self, rows: int) -> None:
        self.storages.mark("evaluation")
        self.model.eval()
        self.training.evaluate(self, rows)

    def _generate(self, tokens: int) -> None:
        self.storages.mark("generation")
        self.model.eval()
        try:
            self.training.generate(self, tokens)
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            self.assumptions.append(
                f"Generation could not be simulated ({type(error).__name__}), and is left out."
            )

    def _workspace(self) -> None:
        hopper = self.step.device.capability == HOPPER
        self.storages.hold(WORKSPACE_HOPPER if hopper else WORKSPACE, "cuBLAS workspace")

    def _light_workspace(self) -> None:
        self.storages.hold(LIGHT_WORKSPACE, "cuBLASLt workspace")

    @contextmanager
    def _recomputing(self) -> Iterator[None]:
        """Recompute layers under the emulation: no function mode is active in a backward pass."""
        recomputed = Recomputed(self.cuda, self.storages)
        function: Any = checkpoint.CheckpointFunction
        plain: Callable[..., Any] = function.backward
        begin: Callable[..., Any] = checkpoint._checkpoint_without_reentrant_generator  # noqa: SLF001  what torch's checkpoint runs

        def backward(ctx: Any, *gradients: Any) -> Any:  # noqa: ANN401  torch's interface
            with self.storages.recomputing(), self.cuda:
                return plain(ctx, *gradients)

        def generator(work: Any, preserve: bool, contexts: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401  torch's interface
            if contexts is checkpoint.noop_context_fn:
                contexts = recomputed
            return begin(work, preserve, contexts, *rest, **named)

        with (
            mock.patch.object(function, "backward", staticmethod(backward)),
            mock.patch.object(checkpoint, "_checkpoint_without_reentrant_generator", generator),
        ):
            yield

    @contextmanager
    def _modules_named(self) -> Iterator[None]:
        """Let the storages know in which module they are made."""
        names = {module: name for name, module in self.training.model.named_modules()}
        stack: list[str] = []

        def enter(module: nn.Module, _: object) -> None:
            stack.append(self.storages.module)
            self.storages.module = names.get(module, "")

        def leave(module: nn.Module, _: object, __: object) -> None:  # noqa: ARG001  torch's interface
            self.storages.module = stack.pop() if stack else ""

        before = nn.modules.module.register_module_forward_pre_hook(enter)
        after = nn.modules.module.register_module_forward_hook(leave, always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()


@contextmanager
def _everything_picked() -> Iterator[None]:
    """Let `nonzero` answer on the meta device: every value is picked."""
    with mock.patch.object(fx_config, "meta_nonzero_assume_all_nonzero", new=True):
        yield


def _version(text: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", text) or re.match(r"(\d+)\.(\d+)", torch.__version__)
    assert found is not None  # noqa: S101  PyTorch's own version has both
    return int(found[1]), int(found[2])


def _processors(capability: int) -> Processors:
    """Multiprocessors of the usual card of a capability; how many hardly matters."""
    counts = {70: 80, 75: 40, 80: 108, 86: 82, 89: 58, 90: 132, 100: 148, 120: 170}
    threads = {75: 1024, 86: 1536, 89: 1536, 120: 1536}
    return Processors(counts.get(capability, 108), threads.get(capability, 2048))


def _vocabulary(model: Any) -> int:  # noqa: ANN401  transformers has no types
    config: Any = getattr(model, "config", None)
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    return int(getattr(text, "vocab_size", 0) or 0)
