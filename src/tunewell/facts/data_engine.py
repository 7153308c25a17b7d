"""The data engine: Daft on this machine or, by one setting, on a Ray cluster.

Expressions run in the engine and only their results, a number or a flag a text, come back.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.core.errors import MissingExtraError
from tunewell.subjects.parts import Texts

QUIET = {
    # Daft reports to its makers that it was imported unless it is told not to before that.
    "DAFT_ANALYTICS_ENABLED": "0",
    "DAFT_PROGRESS_BAR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
LAST_WAIT = 0.2
"""Seconds at the end of the process in which the engine's threads finish. Without, 1 in 20 runs
on a loaded machine ended in an abort after all its work was done (daft 0.7.26)."""

TEXT = "text"
ORDER = "order"


class Engine(StrEnum):
    """Where expressions run."""

    NATIVE = "native"
    RAY = "ray"


_chosen = Engine.NATIVE
_lock = threading.Lock()


def use(engine: Engine) -> None:
    """Choose where expressions run, before the first one does.

    Raises:
        MissingExtraError: if Ray is asked for and not installed.
        RuntimeError: if another engine has been used in this process already.
    """
    global _chosen  # noqa: PLW0603  one engine a process is what Daft allows
    with _lock:
        if engine is not _chosen and daft.cache_info().currsize:
            message = f"the {_chosen} engine is in use in this process already"
            raise RuntimeError(message)
        if engine is Engine.RAY:
            _require_ray()
        _chosen = engine


def chosen() -> Engine:
    """Where expressions run."""
    return _chosen


def _require_ray() -> None:
    from importlib.util import find_spec  # noqa: PLC0415

    if find_spec("ray") is None:
        message = "--engine ray needs Ray: pip install 'tunewell[ray]'"
        raise MissingExtraError(message)


def wait_for_threads() -> None:
    """Let the engine's threads finish: one that holds the interpreter at its end aborts it."""
    time.sleep(LAST_WAIT)


@functools.cache
def daft() -> Any:  # noqa: ANN401  the module is imported late and typed as it likes
    """The engine's module, imported with every report to its makers switched off."""
    os.environ.update(QUIET)
    import daft as module  # noqa: PLC0415  0.25 s that --help need not wait for

    atexit.register(wait_for_threads)
    if _chosen is Engine.RAY:
        import logging  # noqa: PLC0415

        import ray  # noqa: PLC0415

        if not ray.is_initialized():
            ray.init(
                address=os.environ.get("RAY_ADDRESS"),
                logging_level=logging.ERROR,
                include_dashboard=False,
                log_to_driver=False,
            )
        module.set_runner_ray(noop_if_initialized=True)
    else:
        module.set_runner_native()
    return module


def over(texts: Texts, expression: Callable[[Any], Any]) -> Any:  # noqa: ANN401  a pyarrow column
    """One value a text, in the order of the texts, as a `pyarrow.ChunkedArray`.

    Args:
        texts: n texts.
        expression: from Daft's column of the texts to the column that is wanted.
    """
    import pyarrow as pa  # noqa: PLC0415

    module = daft()
    if not len(texts):
        texts = Texts(pa.chunked_array([pa.array([], pa.large_string())]))
    table = pa.table({TEXT: texts.column})
    if _chosen is Engine.NATIVE:
        # One machine keeps the order.
        frame = module.from_arrow(table)
        return frame.select(expression(module.col(TEXT)).alias("value")).to_arrow().column(0)
    table = table.append_column(ORDER, pa.array(np.arange(len(texts))))
    frame = module.from_arrow(table)
    done = frame.select(expression(module.col(TEXT)).alias("value"), module.col(ORDER)).to_arrow()
    return done.sort_by(ORDER).column("value")


def found(texts: Texts, pattern: str) -> NDArray[np.int64]:
    """The numbers of the texts in which a pattern is found, in order.

    `pattern` is in the syntax of Rust's regex crate: linear time, no look-around, no references to
    groups. It screens; what it cannot say is confirmed in Python on the few texts that pass.
    """
    functions = daft().functions
    hits = over(texts, lambda column: functions.regexp(column, pattern))
    return np.flatnonzero(hits.combine_chunks().to_numpy(zero_copy_only=False))
