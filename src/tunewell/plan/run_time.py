"""How long a whole run takes: steps, evaluations, checkpoints, its data and its start."""

from __future__ import annotations

from tunewell.core.finding import Record
from tunewell.core.words import counted
from tunewell.plan.sampling_rate import Rate
from tunewell.plan.time import Duration

GIGA = 1e9
DISK = (0.2, 1.0, 3.0)
"""Bytes a second, in 10^9, of a network drive, an SSD and a fast one. Assumed."""

IMPORTS = (5.0, 12.0, 40.0)
"""Seconds until PyTorch and transformers are imported, the GPU is opened and the first kernels are
chosen. Assumed."""


class Part(Record, frozen=True):
    """What a run spends time on."""

    name: str
    seconds: Duration


class RunTime(Record, frozen=True):
    """A whole run and its parts, the steps first."""

    whole: Duration
    parts: tuple[Part, ...]


class Saves(Record, frozen=True):
    """Checkpoints: how many are written, and how many bytes each holds."""

    count: int
    bytes: float


class Evaluations(Record, frozen=True):
    """Evaluations: how many, the rows of each, and the seconds of so many rows' forward passes.

    `forward` is `time.seconds_of_forward` of a step that computes `forward_rows`.
    """

    count: int
    rows: int
    forward: Duration
    forward_rows: int


class Data(Record, frozen=True):
    """What the host does with rows.

    `tokenising` is done once for each of `rows`, `loading` for each of the `passed` rows that the
    steps see, by `workers` processes beside the training (0: in its own).
    """

    rows: int
    passed: int
    tokenising: Rate | None = None
    loading: Rate | None = None
    workers: int = 0


def of_run(
    step: Duration,
    steps: int,
    *,
    evaluations: Evaluations | None = None,
    saves: Saves | None = None,
    data: Data | None = None,
    weights_bytes: float = 0.0,
) -> RunTime:
    """Seconds of a run, each part as a range.

    Args:
        step: one optimizer step at the mean padded length (`paddings.mean_padded_length`).
        steps: optimizer steps of the run.
        evaluations: None where nothing is evaluated.
        saves: None where nothing is saved.
        data: None where nothing is known of the rows.
        weights_bytes: what is read from the disk at the start.
    """
    parts = [
        Part(name="steps", seconds=step.times(steps)),
        Part(name="start", seconds=_start(weights_bytes)),
    ]
    if evaluations is not None and evaluations.count:
        parts.append(Part(name="evaluations", seconds=_evaluations(evaluations)))
    if saves is not None and saves.count:
        parts.append(Part(name="checkpoints", seconds=_saves(saves)))
    if data is not None and data.tokenising is not None:
        low, likely, high = data.tokenising.seconds(data.rows)
        basis = f"{data.tokenising.rows:,} rows tokenised on this machine"
        parts.append(Part(name="tokenising", seconds=Duration(low, likely, high, basis)))
    if data is not None and data.loading is not None:
        parts.append(Part(name="loading", seconds=_loading(data, data.loading, parts[0].seconds)))
    whole = Duration(
        low=sum(part.seconds.low for part in parts),
        likely=sum(part.seconds.likely for part in parts),
        high=sum(part.seconds.high for part in parts),
        basis="the sum of " + ", ".join(part.name for part in parts),
    )
    return RunTime(whole=whole, parts=tuple(parts))


def _start(weights: float) -> Duration:
    slow, usual, fast = DISK
    return Duration(
        low=IMPORTS[0] + weights / (fast * GIGA),
        likely=IMPORTS[1] + weights / (usual * GIGA),
        high=IMPORTS[2] + weights / (slow * GIGA),
        basis=(
            f"imports of {IMPORTS[0]:g} to {IMPORTS[2]:g} s and {weights / GIGA:.1f} GB of weights "
            f"at {slow:g} to {fast:g} GB a second, both assumed; downloads are not counted"
        ),
    )


def _evaluations(given: Evaluations) -> Duration:
    times = given.count * given.rows / given.forward_rows
    each = given.forward.times(times)
    return Duration(
        each.low,
        each.likely,
        each.high,
        f"{counted(given.count, 'evaluation')} of {given.rows:,} rows, forward passes only: "
        f"{given.forward.basis}",
    )


def _saves(given: Saves) -> Duration:
    slow, usual, fast = DISK
    total = given.count * given.bytes / GIGA
    return Duration(
        total / fast,
        total / usual,
        total / slow,
        f"{counted(given.count, 'checkpoint')} of {given.bytes / GIGA:.2f} GB at {slow:g} to "
        f"{fast:g} GB a second, assumed",
    )


def _loading(data: Data, rate: Rate, steps: Duration) -> Duration:
    """Seconds by which loading makes the run longer.

    Workers load beside the steps: only what they do not get done in that time counts. Without any,
    the process that trains loads too, and waits for it unless the GPU is still busy.
    """
    low, likely, high = rate.seconds(data.passed)
    basis = f"{rate.rows:,} rows loaded on this machine"
    if data.workers == 0:
        return Duration(max(0.0, low - steps.likely), likely, high, f"{basis}, in the training")
    share = data.workers
    return Duration(
        max(0.0, low / share - steps.likely),
        max(0.0, likely / share - steps.likely),
        max(0.0, high / share - steps.likely),
        f"{basis}, beside the steps by {counted(data.workers, 'worker')}",
    )
