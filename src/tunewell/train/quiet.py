"""Import the training libraries with a clear error, and keep them quiet."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import warnings
from collections.abc import Iterator

import numpy as np

from tunewell.core.errors import MissingExtraError


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
    # Threads that spin at every barrier take turns with whatever else the machine does: with one
    # core busy a step took 40 times as long, against twice as long where waiting threads sleep.
    # The OpenMP library reads this when torch is first imported; the user's own choice stands.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if absent:
        message = f"training needs {', '.join(absent)}: pip install 'tunewell[train]'"
        raise MissingExtraError(message)


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
