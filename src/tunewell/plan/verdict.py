"""Whether a simulated step runs in so much memory: fits, tight, or does not fit.

Held against 60 runs of an H200 whose allocator was given so many bytes: no run that was said to fit
ran out, and none ran that was said not to fit (benchmarks/results/gpu_memory/h200_verdicts.json).
"""

from __future__ import annotations

from typing import Literal

Verdict = Literal["fits", "tight", "does-not-fit"]

FITS_FROM = 1.02
"""Times what is reserved without a limit. Three of 36 runs ended out of memory within 0.1 % of it;
none beyond."""

FAILS_UNDER = 0.99
"""Times the least capacity that the step lives with. One run went on 0.6 % below it, none further
down."""


def verdict_of(reserved: int, smallest: int, capacity: int) -> Verdict:
    """The verdict for `capacity` bytes of PyTorch's allocator, the driver's context not counted.

    "tight" means that the run lives by giving cached memory back, if it lives.
    """
    if capacity >= reserved * FITS_FROM:
        return "fits"
    return "tight" if capacity >= smallest * FAILS_UNDER else "does-not-fit"
