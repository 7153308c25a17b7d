"""Seconds that GPUs of one machine spend exchanging weights and gradients, on paper."""

from __future__ import annotations

from tunewell.core.finding import Record
from tunewell.knowledge.gpus import Gpu

REACHED = {"NVLink": (0.6, 0.9), "PCIe": (0.3, 0.8)}
"""Shares of a link's rate that collectives reach. Assumed, not measured here: from memory, NCCL's
tests show about 80 % of NVLink on large messages, and GPUs on one PCIe switch share its rate."""

OTHER_LINK = (0.3, 0.9)


class Exchanged(Record, frozen=True):
    """Seconds by which exchanging makes an optimizer step longer, as a range.

    `alone` are the seconds of the exchange itself at the likely rate; a part of it happens beside
    the computation.
    """

    low: float
    likely: float
    high: float
    alone: float
    basis: str


def communication_seconds(
    moved_bytes: float, gpu: Gpu, *, beside_seconds: float = 0.0
) -> Exchanged:
    """Seconds that a step on several GPUs of one machine takes longer than on each one alone.

    At best everything is exchanged while `beside_seconds` of computation go on, at worst nothing
    is; half of what could be hidden is likely.

    Args:
        moved_bytes: what a GPU sends to the others in an optimizer step, as its simulation counts.
        gpu: its `link_gb_s` is the rate in one direction. The rate between machines is another one.
        beside_seconds: the computation of a whole step that can hide an exchange.
    """
    kind = next((name for name in REACHED if gpu.link.startswith(name)), None)
    least, most = REACHED[kind] if kind is not None else OTHER_LINK
    rate = gpu.link_gb_s * 1e9
    fastest, slowest = moved_bytes / (rate * most), moved_bytes / (rate * least)
    alone = moved_bytes / (rate * (least + most) / 2)
    return Exchanged(
        low=max(0.0, fastest - beside_seconds),
        likely=alone - min(alone, beside_seconds) / 2,
        high=slowest,
        alone=alone,
        basis=(
            f"{moved_bytes / 1e9:,.2f} GB a GPU over {gpu.link} ({gpu.link_gb_s:g} GB/s), of whose "
            f"rate {100 * least:.0f} to {100 * most:.0f} % is reached; at best beside the "
            "computation"
        ),
    )
