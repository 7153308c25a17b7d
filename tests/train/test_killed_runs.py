"""Runs that are killed, and runs of several processes."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from tunewell.readers.logs import read_run

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the training extra"
)
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
KILLED = """
    import os, signal, sys
    from pathlib import Path
    from tests.train import loops
    from tunewell.train.observer import observer

    observer.FLUSH_SECONDS = 0.0  # every step is an event
    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    real = observer.Observer.step_ends
    def step_ends(self, step, **known):
        real(self, step, **known)
        if step == steps:
            os.kill(os.getpid(), signal.SIGKILL)
    observer.Observer.step_ends = step_ends
    loops.train(folder, epochs=4)
"""
RANKS = """
    import os, sys
    import torch
    from pathlib import Path
    from tests.train import loops
    from torch.nn.parallel import DistributedDataParallel

    torch.distributed.init_process_group("gloo")
    loops.train(Path(sys.argv[1]), wrap=DistributedDataParallel, epochs=1)
    torch.distributed.destroy_process_group()
"""


def start(script: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a script in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        env={**ENVIRONMENT, **environment},
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("step", [1, 2, 17, 40])
def test_a_killed_run_opens_and_has_every_step(tmp_path: Path, step: int) -> None:
    """SIGKILL right after a step: that step is the last one recorded."""
    process = start(KILLED, str(tmp_path), str(step))
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()
    trace, _ = read_run(tmp_path)
    assert not trace.finished
    assert trace.column("step_loss").steps.tolist() == list(range(1, step + 1))


def test_a_killed_run_opens_wherever_its_last_line_was_cut(tmp_path: Path) -> None:
    """Every length of the file that a kill in the middle of a write can leave behind."""
    process = start(KILLED, str(tmp_path / "whole"), "6")
    process.communicate()
    text = (tmp_path / "whole" / "events.jsonl").read_bytes()
    lines = text.splitlines(keepends=True)
    cut = tmp_path / "cut" / "events.jsonl"
    cut.parent.mkdir()
    for length in range(len(lines[0]), len(text), 97):
        cut.write_bytes(text[:length])
        kept = [json.loads(line) for line in text[:length].split(b"\n")[:-1]]
        steps = [step for event in kept if event["event"] == "steps" for step in event["step"]]
        seen = read_run(cut.parent)[0].column("step_loss").steps.tolist()
        assert seen[: len(steps)] == steps
        assert len(seen) <= len(steps) + 1


def test_a_resumed_run_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    """After half a line, from an earlier step: what is repeated takes the place of the old."""
    from tests.train import loops

    loops.train(tmp_path, epochs=1)
    path = tmp_path / "events.jsonl"
    path.write_bytes(path.read_bytes().rstrip()[:-9])
    loops.train(tmp_path, epochs=1, start_step=8)
    trace, _ = read_run(tmp_path)
    assert trace.column("step_loss").steps.tolist() == list(range(1, 25))
    (restart,) = trace.restarts
    assert (restart.step, restart.reached) == (8, 16)
    assert trace.superseded["step_loss"].steps.tolist() == list(range(9, 17))
    assert trace.finished


def test_every_process_records_and_the_first_one_sees_all(tmp_path: Path) -> None:
    """Two processes of one training, by gloo."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    both = [start(RANKS, str(tmp_path), RANK=str(rank), **shared) for rank in range(2)]
    for process in both:
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()
    trace, _ = read_run(tmp_path)
    assert trace.finished
    assert list(trace.ranks) == [1]
    assert trace.column("step_loss").steps.tolist() == list(range(1, 17))
    np.testing.assert_array_equal(trace.ranks[1]["step_seconds"].steps, np.arange(1, 17))
    assert (tmp_path / "document.json").is_file()
