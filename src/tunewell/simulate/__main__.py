"""The child process: one step a line on standard input, one answer a line on standard output."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import traceback
import warnings

import msgspec
import torch

from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step
from tunewell.simulate.attention import NoKernelError
from tunewell.simulate.models import NotBuiltError, build, first_words
from tunewell.simulate.optimizers import NoSuchOptimizerError
from tunewell.simulate.step import Run
from tunewell.simulate.summary import summarise

LOOK_SECONDS = 0.5
LARGEST = 2**48
"""Bytes of a tensor, a thousand GPUs' memory: more is a slip in the numbers."""


def simulate(step: Step) -> Simulated | NotSimulated:
    """Simulate one step in this process."""
    began = time.perf_counter()
    try:
        assumptions: list[str] = []
        run = Run(step, build(step, assumptions))
        run.everything()
        largest = max(birth.size for birth in run.storages.births)
        if largest > LARGEST:
            return NotSimulated(reason=f"a tensor of {largest:,} bytes is beyond any GPU")
        answer = summarise(run)
    except (NotBuiltError, NoSuchOptimizerError, NoKernelError) as error:
        return NotSimulated(reason=str(error))
    except Exception as error:  # noqa: BLE001  whatever a model's code raises, the next step goes on
        last = traceback.extract_tb(error.__traceback__)[-1]
        return NotSimulated(
            reason=(
                "the model's code stops at this step, or needs values that a simulation has not: "
                f"in {last.name}, {first_words(error)}"
            )
        )
    return msgspec.structs.replace(
        answer,
        assumptions=(*assumptions, *answer.assumptions),
        seconds=time.perf_counter() - began,
    )


def _end_with(parent: int) -> None:
    """A step in progress does not see that standard input has ended: look for who asked."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def main() -> None:
    """Answer until standard input ends."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # Collecting garbage again and again among all that the imports made costs half a second a step.
    gc.freeze()
    warnings.simplefilter("ignore")
    # What a model prints, from Python or from below it, must not pass for an answer.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    decoder = msgspec.json.Decoder(Step)
    encoder = msgspec.json.Encoder()
    for line in sys.stdin:
        out.write(encoder.encode(simulate(decoder.decode(line))).decode() + "\n")
        out.flush()


if __name__ == "__main__":
    main()
