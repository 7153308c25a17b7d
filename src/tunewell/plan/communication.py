"""Seconds that GPUs of one machine spend exchanging weights and gradients, on paper."""

from __future__ import annotations

from typing import Literal

from tunewell.core.finding import Record
from tunewell.knowledge.gpus import Gpu

Exchange = Literal["single", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp-hybrid"]

CROSSINGS: dict[Exchange, tuple[int, int, int]] = {
    "single": (0, 0, 0),
    "ddp": (0, 0, 2),
    "zero1": (0, 0, 2),
    "zero2": (0, 1, 1),
    "zero3": (2, 1, 0),
    "fsdp": (2, 1, 0),
    "fsdp-hybrid": (2, 1, 0),
}
"""How often in a micro-batch the weights cross to the other GPUs, how often the gradients do, and
how often in an optimizer step what is as large as the gradients does. An all-reduce moves
everything twice: it scatters sums and gathers them again. ZeRO 1 and 2 scatter gradients and gather
the updated weights, stage 2 scatters after every micro-batch; ZeRO-3 and FSDP gather weights for
the forward and for the backward pass. Rajbhandari et al. 2020, section 7, from memory."""

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


def communication_seconds(  # noqa: PLR0913  what the exchange depends on
    strategy: Exchange,
    parameters_bytes: float,
    gradients_bytes: float,
    gpus: int,
    gpu: Gpu,
    *,
    accumulation: int = 1,
    beside_seconds: float = 0.0,
) -> Exchanged:
    """Seconds that a step of `gpus` GPUs in one machine takes longer than on each one alone.

    At best everything is exchanged while `beside_seconds` of computation go on, at worst nothing
    is; half of what could be hidden is likely.

    Args:
        strategy: how the model is shared out.
        parameters_bytes: of all weights, as they are exchanged.
        gradients_bytes: of all gradients: of adapters only where only they are trained.
        gpus: in this machine; the rate between machines is another one.
        gpu: its `link_gb_s` is the rate in one direction.
        accumulation: micro-batches of an optimizer step.
        beside_seconds: the computation of a whole step that can hide an exchange.
    """
    weights, gradients, once = CROSSINGS[strategy]
    each = weights * parameters_bytes + gradients * gradients_bytes
    moved = (gpus - 1) / gpus * (accumulation * each + once * gradients_bytes)
    kind = next((name for name in REACHED if gpu.link.startswith(name)), None)
    least, most = REACHED[kind] if kind is not None else OTHER_LINK
    rate = gpu.link_gb_s * 1e9
    fastest, slowest = moved / (rate * most), moved / (rate * least)
    alone = moved / (rate * (least + most) / 2)
    return Exchanged(
        low=max(0.0, fastest - beside_seconds),
        likely=alone - min(alone, beside_seconds) / 2,
        high=slowest,
        alone=alone,
        basis=(
            f"{moved / 1e9:,.2f} GB a GPU over {gpu.link} ({gpu.link_gb_s:g} GB/s), of whose rate "
            f"{100 * least:.0f} to {100 * most:.0f} % is reached; at best beside the computation"
        ),
    )
