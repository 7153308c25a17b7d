"""Import the training libraries with a clear error, and keep them quiet."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tunewell.core.errors import MissingExtraError

BUSY = 0.2
"""Share of processor time used by others from which on threads sleep: on 2 cores, half of one."""


def require_training_extra() -> None:
    """Check that torch, transformers and accelerate are installed, before the first import.

    Raises:
        MissingExtraError: if one is not; the text is the command that installs them.
    """
    absent = [
        name
        for name in ("torch", "transformers", "accelerate")
        if importlib.util.find_spec(name) is None
    ]
    _let_threads_sleep_if_busy()
    if absent:
        message = f"training needs {', '.join(absent)}: pip install 'tunewell[train]'"
        raise MissingExtraError(message)


def _let_threads_sleep_if_busy() -> None:
    """Have waiting OpenMP threads sleep instead of spin where other programs use the processor.

    Measured on 2 cores, MiniLM, 16 rows a step: spinning takes 0.13 s a step on an idle machine and
    1 s with one core busy; sleeping takes 0.2 s and 0.3 s. OpenMP reads this when torch is first
    imported; the user's own choice stands.
    """
    if "OMP_WAIT_POLICY" not in os.environ and _busy_share() > BUSY:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def _busy_share(seconds: float = 0.2) -> float:
    """Share of all processor time that is in use now, 0 where the system does not tell."""
    before = _processor_times()
    time.sleep(seconds)
    after = _processor_times()
    if before is None or after is None or after[1] <= before[1]:
        return 0.0
    return 1 - (after[0] - before[0]) / (after[1] - before[1])


def _processor_times() -> tuple[int, int] | None:
    """Idle and total time since the start of a Linux system, in clock ticks."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    ticks = [int(field) for field in fields]
    return ticks[3] + ticks[4], sum(ticks)


@contextlib.contextmanager
def quiet(threads: int | None = None) -> Iterator[None]:
    """Silence the libraries' bars, logs and warnings, and give random states back as they were.

    `threads` sets torch's number of threads inside.
    """
    import torch  # noqa: PLC0415  takes seconds to import
    from transformers.utils import logging  # noqa: PLC0415  takes seconds to import

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    threads_before = torch.get_num_threads()
    python, numpy_state, torch_state = (
        random.getstate(),
        np.random.get_state(),  # noqa: NPY002  the trainer seeds the old global generator
        torch.get_rng_state(),
    )
    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    on_gpus = torch.cuda.get_rng_state_all() if used else None
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
        torch.set_num_threads(threads_before)
        random.setstate(python)
        np.random.set_state(numpy_state)  # noqa: NPY002  as above
        torch.set_rng_state(torch_state)
        if on_gpus is not None:
            torch.cuda.set_rng_state_all(on_gpus)
