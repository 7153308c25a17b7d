"""What the simulation of a step says."""

from __future__ import annotations

from tunewell.core.finding import Record


class PhasePeak(Record, frozen=True):
    """The most memory at once in a phase of the step, in bytes, and what it was held for."""

    phase: str
    allocated: int
    reserved: int
    by_kind: dict[str, int]


class Holder(Record, frozen=True):
    """Storages of one origin at the peak: the operation that made them, in which module."""

    kind: str
    operation: str
    module: str
    count: int
    bytes: int


class Work(Record, frozen=True):
    """Kernels of about one size, of one phase and one kind of unit, for one optimizer step.

    `phase` is "recompute" for what a checkpoint computes a second time within the backward pass.
    `unit` is "matrix" for products of matrices, "unaligned" for those of 16 bits that tensor cores
    cannot read well, "attention" and "convolution" for fused ones, "packing" for what bitsandbytes
    does to weights and inputs around a product, "vector" for the rest.
    `precision` is that of the operands of the first four. `operations`, `bytes` read and written
    and `kernels` are sums over the launches.
    """

    phase: str
    unit: str
    precision: str
    operations: float
    bytes: float
    kernels: int


class Moment(Record, frozen=True):
    """Bytes by kind at one moment of the step: a point of the picture."""

    event: int
    phase: str
    by_kind: dict[str, int]


class Simulated(Record, frozen=True, tag="simulated"):
    """Memory and work of one optimizer step. Bytes are of the device.

    `peak_reserved` is what PyTorch's allocator takes from the driver with no limit.
    `smallest_capacity` is the least with which the step still runs, by giving cached segments back:
    between the two a step is tight. Both are without the driver's context. `assumptions` are
    sentences on what could not be known from the step's description. `host_bytes` are those that a
    process holds in main memory for what is offloaded. `moved_bytes` is what one of several GPUs
    sends to the others in an optimizer step, `crossing_bytes` what passes between it and main
    memory.
    """

    peak_allocated: int
    peak_reserved: int
    smallest_capacity: int
    peak_phase: str
    phases: tuple[PhasePeak, ...]
    holders: tuple[Holder, ...]
    moments: tuple[Moment, ...]
    work: tuple[Work, ...]
    parameters: int
    trainable: int
    steady: int
    attention_kernels: dict[str, int]
    assumptions: tuple[str, ...] = ()
    seconds: float = 0.0
    host_bytes: int = 0
    moved_bytes: int = 0
    crossing_bytes: int = 0

    @property
    def by_kind(self) -> dict[str, int]:
        """Bytes by kind at the peak of the training step."""
        return next(p.by_kind for p in self.phases if p.phase == self.peak_phase)


class NotSimulated(Record, frozen=True, tag="not-simulated"):
    """Why a step could not be simulated: one sentence, with what to do."""

    reason: str
