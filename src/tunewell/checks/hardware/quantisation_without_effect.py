"""HW032: a quantisation that was asked for and did not happen."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
)
from tunewell.subjects.setup import Setup


@check("HW032", category=Category.PERFORMANCE, severity=Severity.WARNING, covers=("P24",))
def quantisation_without_effect(setup: Setup, *, min_layers: int = 1) -> Iterator[Finding]:
    """A model whose configuration asks for quantisation and whose layers are not quantised.

    ## What it finds
    A model with a `quantization_config` of which fewer than `min_layers` (1) linear layers are held
    in fewer bits.

    ## Why it matters
    The model takes two to four times the memory that was planned, and a run that fits on paper
    does not fit on the device.

    ## How it is measured
    By the classes of the linear layers and the types of their weights: those of bitsandbytes, AWQ,
    GPTQ, HQQ, torchao and FP8 layers are told from plain ones. One quantised layer is enough, since
    configurations may leave most of them out on purpose.

    ## Example
    `LlamaForCausalLM(config)` with a `quantization_config` in the configuration: only
    `from_pretrained` quantises.

    ## Fix
    Load with `from_pretrained(..., quantization_config=...)`.

    ## When it is wrong
    For a quantisation whose layers keep the class and the type of plain ones.

    ## Sources
    transformers documentation on quantisation. Fault P24 of the catalogue.
    """
    if setup.quantisation is None or setup.without_weights:
        reason = "no quantisation is asked for, or no weights are there yet"
        raise NotApplicableError(reason)
    if setup.quantised_layers >= min_layers or not setup.linear_layers:
        return
    yield Finding(
        message=(
            f"the configuration asks for quantisation ({setup.quantisation}), and none of "
            f"{setup.linear_layers:,} linear layers is quantised"
        ),
        where=(Key(path="hardware.load_in_4bit"),),
        evidence=(
            Number(
                name="quantised linear layers",
                value=float(setup.quantised_layers),
                bound=f"at least {min_layers}",
            ),
        ),
        impact="the model takes two to four times the memory that was planned",
        fixes=(
            Fix(
                title="load with from_pretrained(..., quantization_config=...), which quantises",
                safety=Safety.MANUAL,
            ),
        ),
    )
