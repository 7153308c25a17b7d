"""Losses of the tasks whose model does not compute its own, and cross-entropy in chunks."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody knows it by
from torch import nn


def contrastive(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Two columns of texts, mean pooling, and every other row as a negative.

    The MultipleNegativesRankingLoss of sentence-transformers.
    """
    columns = []
    for _ in range(2):
        hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"] if "attention_mask" in batch else batch["input_ids"]
        wide = mask.unsqueeze(-1).expand(hidden.size()).to(hidden.dtype)
        pooled = torch.sum(hidden * wide, 1) / torch.clamp(wide.sum(1), min=1e-9)
        columns.append(F.normalize(pooled, p=2, dim=1))
    scores = torch.mm(columns[0], columns[1].transpose(0, 1)) * 20.0
    return F.cross_entropy(scores, torch.empty(len(scores), dtype=torch.int64, device="meta"))


def preference(
    model: Any,  # noqa: ANN401  a model of transformers or of PEFT
    batch: dict[str, torch.Tensor],
    autocasting: Callable[[], AbstractContextManager[None]],
) -> torch.Tensor:
    """DPO over chosen and rejected rows in one batch, the reference without a gradient.

    With adapters the reference is the same model with them switched off. Each pass has a region of
    autocast of its own, as accelerate's has: weights that the first one cast know no gradient.
    """
    inputs = {name: torch.cat([value, value]) for name, value in batch.items() if name != "labels"}
    labels = torch.cat([batch["labels"], batch["labels"]])[:, 1:]
    with torch.no_grad(), autocasting():
        reference = _log_probabilities(model(**inputs).logits[:, :-1], labels)
    with autocasting():
        own = _log_probabilities(model(**inputs).logits[:, :-1], labels)
    ratio = (own - reference).sum(-1)
    chosen, rejected = ratio.chunk(2)
    return -F.logsigmoid(0.1 * (chosen - rejected)).mean()


def _log_probabilities(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    picked = torch.gather(logits.float(), 2, labels.unsqueeze(2)).squeeze(2)
    # TRL takes the log of the sum row by row, so that no second copy of all logits is made.
    normal = torch.stack([torch.logsumexp(row, dim=-1) for row in logits.float()])
    return picked - normal


class _Chunked(torch.autograd.Function):
    """Loss and gradients of a head and cross-entropy, a chunk of tokens at a time.

    As Liger's fused linear cross-entropy: logits of a chunk become their own gradient in place.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401  torch's context
        hidden: torch.Tensor,
        weight: torch.Tensor,
    ) -> torch.Tensor:
        tokens, width = hidden.shape
        vocabulary = weight.shape[0]
        chunks = 2 ** math.ceil(math.log2(max(1, math.ceil(vocabulary / width))))
        rows = 2 ** math.ceil(math.log2(max(1, math.ceil(tokens / chunks))))
        into_hidden = torch.zeros_like(hidden)
        into_weight = torch.zeros_like(weight) if weight.requires_grad else None
        for start in range(0, tokens, rows):
            part = hidden[start : start + rows]
            logits = part @ weight.t()
            into_hidden[start : start + rows] = logits @ weight
            if into_weight is not None:
                into_weight += logits.t() @ part
        ctx.save_for_backward(into_hidden, into_weight)
        return torch.empty((), device=hidden.device)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # noqa: ANN401, ARG004  torch's interface
        return ctx.saved_tensors


def in_chunks(model: Any) -> bool:  # noqa: ANN401  a model of transformers or of PEFT
    """Make a language model compute its loss in chunks; False where it has no head to do so."""
    owner = model.get_base_model() if hasattr(model, "get_base_model") else model
    head = owner.get_output_embeddings() if hasattr(owner, "get_output_embeddings") else None
    if not isinstance(head, nn.Linear) or not hasattr(owner, "loss_function"):
        return False

    def loss(logits: torch.Tensor, labels: torch.Tensor, **_: Any) -> torch.Tensor:  # noqa: ANN401, ARG001  transformers' interface
        result: torch.Tensor = _Chunked.apply(  # type: ignore[no-untyped-call]  # torch's
            logits.view(-1, logits.shape[-1]), head.weight
        )
        return result

    head.forward = lambda input: input  # type: ignore[method-assign]  # noqa: A006  torch's name
    owner.loss_function = loss
    return True
