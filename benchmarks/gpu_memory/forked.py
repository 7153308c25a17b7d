"""Measurements in processes of their own, forked from one that has imported everything."""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from tunewell.plan.step import Step


def import_everything(steps: Iterable[Step]) -> None:
    """Import what the children need, and answer for the GPU without asking it.

    A process forked from one that has used CUDA cannot use it, and some packages ask at import
    which GPU there is.
    """
    import torch  # noqa: PLC0415 - here and nowhere earlier

    if torch.version.cuda is not None:
        asked = {
            "is_available": lambda: True,
            "device_count": lambda: 1,
            "get_device_capability": lambda *_: (9, 0),
        }
        before = {name: getattr(torch.cuda, name) for name in asked}
        for name, answer in asked.items():
            setattr(torch.cuda, name, answer)
        try:
            _import_packages(steps)
        finally:
            for name, function in before.items():
                setattr(torch.cuda, name, function)
    else:
        _import_packages(steps)


def _import_packages(steps: Iterable[Step]) -> None:
    for module in ("bitsandbytes", "accelerate", "peft", "peft.tuners.lora.bnb"):
        try:
            importlib.import_module(module)
        except ImportError as error:
            print(f"without {module}: {error}", file=sys.stderr)
    import construct  # noqa: PLC0415 - after torch
    import training  # noqa: F401, PLC0415 - the same
    import transformers  # noqa: PLC0415 - the same

    for module in ("trainer", "generation.utils", "integrations.bitsandbytes", "quantizers"):
        importlib.import_module(f"transformers.{module}")
    warnings.simplefilter("ignore")  # each child would print its own
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for step in steps:  # the modules of the models, which load when first used
        cls = getattr(transformers, construct.AUTO_CLASSES[step.task])
        cls._model_mapping[type(construct.model_config(step))]


def in_child(work: Callable[[], dict[str, Any]], deadline: float) -> dict[str, Any]:
    """What `work` returns in a forked process, or why it did not."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _answer(work, writer)
    os.close(writer)
    text, ended = _read(reader, deadline)
    if not ended:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if text:
        answer: dict[str, Any] = json.loads(text)
        return answer
    reason = f"no answer in {deadline:.0f} s" if not ended else f"ended with status {status}"
    return {"status": "failed", "error": reason}


def _answer(work: Callable[[], dict[str, Any]], writer: int) -> None:
    """Run `work` and write its answer; never returns."""
    import torch  # noqa: PLC0415 - after the fork it is there

    try:
        answer = {"status": "ran", **work()}
    except torch.OutOfMemoryError as error:
        answer = {"status": "out-of-memory", "error": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever it was belongs into the results
        trace = traceback.format_exc()[-3000:]
        answer = {"status": "failed", "error": f"{type(error).__name__}: {error}", "trace": trace}
    data = json.dumps(answer).encode()
    while data:
        data = data[os.write(writer, data) :]
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the parent's clean-up is not the child's


def _read(reader: int, deadline: float) -> tuple[bytes, bool]:
    """All the child wrote, and whether it closed its end in time."""
    text = b""
    until = time.monotonic() + deadline
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while True:
            ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return b"", False
            piece = pipe.read(1 << 16)
            if not piece:
                return text, True
            text += piece
