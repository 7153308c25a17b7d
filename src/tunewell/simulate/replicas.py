"""Data parallel: every rank has everything, and a flat copy of all gradients to exchange.

`torch.nn.parallel.DistributedDataParallel` as accelerate makes it: `gradient_as_bucket_view` is
off, so gradients are there twice. Source: torch/csrc/distributed/c10d/reducer.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import torch

from tunewell.simulate.alone import Alone, size, trained

MIB = 1024**2
FIRST_BUCKET = MIB
"""The first bucket is smaller, so that the exchange begins early."""


class Replicated(Alone):
    """A whole model with buckets of gradients that live as long as the model."""

    def load(self) -> None:
        """The weights, and the buckets that DDP makes when the model is wrapped."""
        super().load()
        for count in self.buckets():
            self.storages.hold(count, "DDP's bucket of gradients", kind="gradients")

    def buckets(self) -> list[int]:
        """Bytes of each bucket, in the order of the backward pass: one precision a bucket."""
        sharding = self.step.sharding
        assert sharding is not None  # noqa: S101  the caller's condition
        limit = sharding.bucket_mib * MIB
        closed: list[int] = []
        limits: dict[torch.dtype, int] = {}
        filling: dict[torch.dtype, int] = {}
        for parameter in reversed(trained(self.model)):
            kind = parameter.dtype
            filling[kind] = filling.get(kind, 0) + size(parameter)
            if filling[kind] >= limits.get(kind, FIRST_BUCKET):
                closed.append(filling.pop(kind))
                limits[kind] = limit
        return closed + list(filling.values())

    def before_forward(self, *, last: bool) -> None:
        """Gradients are exchanged after the last micro-batch only."""
        if last:
            sharding = self.step.sharding
            assert sharding is not None  # noqa: S101  as above
            ranks = sharding.ranks
            self.moved_bytes += 2 * sum(self.buckets()) * (ranks - 1) / ranks
