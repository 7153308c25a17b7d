"""Simulations in a process of their own: PyTorch can abort one, and the caller needs no PyTorch."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator

import msgspec

from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step

PROGRAM = "tunewell.simulate"
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "USE_TF": "0",
    "USE_FLAX": "0",
}
"""Nothing but arithmetic on one core, and nothing from the network."""

TIMEOUT = 180.0
NEEDED = ("torch", "transformers")
LIBRARIES_MISSING = "the simulation runs torch and transformers: pip install 'tunewell[train]'"


def can_simulate() -> bool:
    """Whether the libraries that a simulation runs are installed."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


def simulate(
    steps: Iterable[Step], *, timeout: float = TIMEOUT
) -> Iterator[Simulated | NotSimulated]:
    """Simulate each step, in order, in one child process.

    A step that kills the child, or takes longer than `timeout` seconds, gives `NotSimulated`; the
    next ones get a new child.
    """
    if not can_simulate():
        for _ in steps:
            yield NotSimulated(reason=LIBRARIES_MISSING)
        return
    child: _Child | None = None
    try:
        for step in steps:
            child = child or _Child()
            try:
                yield child.answer(step, timeout)
            except _LostError as error:
                child.close()
                child = None
                yield NotSimulated(reason=str(error))
    finally:
        if child is not None:
            child.close()


class _LostError(Exception):
    """The child is gone, or does not answer."""


class _Child:
    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **SETTINGS},
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Simulated | NotSimulated)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def answer(self, step: Step, timeout: float) -> Simulated | NotSimulated:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101  asked for above
        try:
            stdin.write(self._encoder.encode(step) + b"\n")
            stdin.flush()
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            reason = f"the simulation took longer than {timeout:,.0f} seconds"
            raise _LostError(reason) from None
        except BrokenPipeError:
            line = b""
        if not line:
            code = self._process.wait()
            reason = f"the simulation's process ended with status {code}"
            raise _LostError(reason)
        answer: Simulated | NotSimulated = self._decoder.decode(line)
        return answer

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101  asked for above
        for line in stdout:
            self._lines.put(line)
        self._lines.put(b"")
