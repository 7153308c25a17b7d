"""FIT012: layers that began at random and stay there."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Tensor,
)
from tunewell.core.words import counted
from tunewell.subjects.setup import NewTensor, Setup

TASK_TYPES = {"sequence": "SEQ_CLS", "token": "TOKEN_CLS", "span": "QUESTION_ANS"}


@check(
    "FIT012",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("O20", "O21"),
)
def new_head_frozen(setup: Setup, *, max_frozen: int = 0) -> Iterator[Finding]:
    """A newly initialised layer that is not trained, or not saved.

    ## What it finds
    Parameters that no file gave a value, in a model that was loaded from files, and that are frozen
    and have no trained copy: most often a new classification head under LoRA. A head that is itself
    a target of LoRA counts too: its random weights stay, and the adapter's file does not hold them.
    More than `max_frozen` (0) of them is a finding: one random layer spoils every output.

    ## Why it matters
    The head keeps its random weights. The adapter learns to work around them as far as it can, and
    since a frozen head is not saved with the adapter, it is random anew after loading: answers are
    at chance and differ from load to load.

    ## How it is measured
    transformers marks every parameter that it reads from a file. What carries no mark was
    initialised, and `requires_grad` says whether it, or the copy that PEFT keeps of it in
    `modules_to_save`, will be trained. A model of which nothing was loaded is not judged: there
    everything is new. Where all new parameters are frozen, the head is among them and the finding
    is an error; where the head is trained and another new layer is not (a pooler, for example), it
    is a warning of medium confidence, because that layer may not be in use.

    ## Example
    `LoraConfig(r=8)` without `task_type` around a classifier made from a base model: PEFT then
    knows of no head. `modules_to_save=names.append("score")` is None and does the same.

    ## Fix
    Give `task_type`, or name the head in `modules_to_save`.

    ## When it is wrong
    When a random layer is wanted, such as a random projection.

    ## Sources
    PEFT documentation on `modules_to_save`; PEFT issues 310 and 577. Faults O20 and O21 of the
    catalogue.
    """
    if setup.new_tensors is None:
        reason = "the model was not loaded from files, so that every layer is new"
        raise NotApplicableError(reason)
    if not setup.trainable:
        reason = "nothing is trainable, which another check tells"
        raise NotApplicableError(reason)
    frozen = [tensor for tensor in setup.new_tensors if not tensor.trained]
    if len(frozen) <= max_frozen:
        return
    head_trained = len(frozen) < len(setup.new_tensors)
    layers = _layers(frozen)
    adapter = next((adapter for adapter in setup.adapters if adapter.active), None)
    yield Finding(
        message=(
            f"{counted(len(layers), 'new layer')} began at random and "
            f"{'is' if len(layers) == 1 else 'are'} {_state(frozen)}: {', '.join(layers)}"
            + _cause(setup, adapter is not None)
        ),
        where=tuple(Tensor(name=tensor.name) for tensor in frozen),
        evidence=(
            Number(
                name="new parameters that are frozen",
                value=float(len(frozen)),
                bound=f"at most {max_frozen}",
            ),
        ),
        impact=(
            "outputs pass through random weights that are never trained"
            + (", and are not saved with the adapter" if adapter else "")
        ),
        severity=Severity.WARNING if head_trained else Severity.ERROR,
        confidence=Confidence.MEDIUM if head_trained else Confidence.HIGH,
        fixes=(Fix(title=_fix(setup, layers), safety=Safety.MANUAL),),
    )


def _layers(tensors: list[NewTensor]) -> list[str]:
    return list(dict.fromkeys(tensor.name.rpartition(".")[0] or tensor.name for tensor in tensors))


def _state(frozen: list[NewTensor]) -> str:
    if all(tensor.adapted for tensor in frozen):
        return "trained through LoRA alone, with its random weights in no file"
    return "frozen"


def _cause(setup: Setup, adapted: bool) -> str:
    if not adapted:
        return ""
    untold = all(adapter.task_type is None for adapter in setup.adapters)
    return "; the adapter has no task_type, so PEFT knows of no head" if untold else ""


def _fix(setup: Setup, layers: list[str]) -> str:
    names = ", ".join(repr(layer) for layer in layers)
    if not setup.adapters:
        return f"set requires_grad to True for {names}"
    task_type = TASK_TYPES.get(setup.task)
    if task_type and all(adapter.task_type is None for adapter in setup.adapters):
        return f"give LoraConfig(task_type={task_type!r}), or modules_to_save=[{names}]"
    return f"name the layers in modules_to_save=[{names}]"
