"""HW042 memory-creeps-up."""

import numpy as np
from tests.checks.runs import line, noisy, run

from tunewell.checks.hardware.memory_creeps_up import memory_creeps_up
from tunewell.core.finding import Severity
from tunewell.subjects.machine import Machine
from tunewell.testing import CheckCases, run_check

MACHINE = Machine(cores=8, memory_bytes=32 * 10**9, disk_free_bytes=10**12, gpu_bytes=24 * 10**9)
GROWS = noisy(line(9e9, 14e9, 100), 0.001)
ONE_JUMP = [9e9] * 60 + [12e9] * 40
LONGEST_SO_FAR = [float(v) for v in np.maximum.accumulate(
    np.random.default_rng(0).gumbel(9e9, 2e8, 100)
)]  # fmt: skip


class TestMemoryCreepsUp(CheckCases):
    """A hundred logs."""

    check = memory_creeps_up
    faulty = {
        "of the GPU": run({"cuda_allocated_bytes": GROWS}),
        "of the process": run({"process_bytes": GROWS}),
        "slowly, and full before the end": (
            *run(
                {"cuda_allocated_bytes": noisy(line(22e9, 22.5e9, 100), 1e-4)},
                finished=False,
                max_steps=2000,
            ),
            MACHINE,
        ),
    }
    nearly = {
        "one jump": run({"process_bytes": ONE_JUMP}),
        "the longest batch so far": run({"process_bytes": LONGEST_SO_FAR}),
        "warm-up": run({"process_bytes": line(2e9, 9e9, 25) + noisy([9e9] * 75, 0.01)}),
        "a little": run({"process_bytes": noisy(line(9e9, 9.2e9, 100), 0.001)}),
        "saw teeth": run({"process_bytes": line(9e9, 12e9, 25) * 4}),
    }
    clean = {
        "level": run({"process_bytes": noisy([9e9] * 100, 0.02)}),
        "not logged": run({"loss": [1.0] * 9}),
    }


def test_the_step_at_which_it_is_full_is_told() -> None:
    """Where the size of the GPU and the length of the run are known."""
    subjects = TestMemoryCreepsUp.faulty["slowly, and full before the end"]
    (found,) = run_check(memory_creeps_up, subjects).findings
    assert "24 GB are full at about step" in found.message
    assert found.severity is Severity.WARNING
