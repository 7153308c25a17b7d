"""The child process: one step a line on standard input, one answer a line on standard output."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
import traceback
import warnings

import msgspec
import torch

from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step
from tunewell.simulate.models import NotBuiltError, build
from tunewell.simulate.optimizers import NoSuchOptimizerError
from tunewell.simulate.step import Run
from tunewell.simulate.summary import summarise


def simulate(step: Step) -> Simulated | NotSimulated:
    """Simulate one step in this process."""
    began = time.perf_counter()
    try:
        assumptions: list[str] = []
        run = Run(step, build(step, assumptions))
        run.everything()
        answer = summarise(run)
    except (NotBuiltError, NoSuchOptimizerError) as error:
        return NotSimulated(reason=str(error))
    except Exception as error:  # noqa: BLE001  whatever a model's code raises, the next step goes on
        last = traceback.extract_tb(error.__traceback__)[-1]
        return NotSimulated(
            reason=(
                f"the model's code cannot run without values: {type(error).__name__} in "
                f"{last.name}: {str(error).partition(chr(10))[0][:200]}"
            )
        )
    return msgspec.structs.replace(
        answer,
        assumptions=(*assumptions, *answer.assumptions),
        seconds=time.perf_counter() - began,
    )


def main() -> None:
    """Answer until standard input ends."""
    torch.set_num_threads(1)
    # Collecting garbage again and again among all that the imports made costs half a second a step.
    gc.freeze()
    warnings.simplefilter("ignore")
    out = sys.stdout
    decoder = msgspec.json.Decoder(Step)
    encoder = msgspec.json.Encoder()
    # What a model prints must not pass for an answer.
    with contextlib.redirect_stdout(sys.stderr):
        for line in sys.stdin:
            out.write(encoder.encode(simulate(decoder.decode(line))).decode() + "\n")
            out.flush()


if __name__ == "__main__":
    main()
