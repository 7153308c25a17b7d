"""The child process of the simulation, from outside: what it answers and how it is lost."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tunewell.plan import child
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import LowRank, Step

CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
STEP = Step(config=CONFIG, length=32)

PARROT = """
import os, sys, time
for line in sys.stdin:
    if "dies" in line:
        os.kill(os.getpid(), 9)
    if "sleeps" in line:
        time.sleep(60)
    print('{"type":"not-simulated","reason":"' + str(os.getpid()) + '"}', flush=True)
"""
"""A stand-in for the program, that is there at once and dies on demand."""


@pytest.fixture
def parrot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "parrot.py").write_text(PARROT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(child, "PROGRAM", "parrot")


def reasons(*named: str, timeout: float = 30.0) -> list[str]:
    steps = [Step(config={"named": name}) for name in named]
    answers = list(child.simulate(steps, timeout=timeout))
    assert all(isinstance(answer, NotSimulated) for answer in answers)
    return [answer.reason for answer in answers if isinstance(answer, NotSimulated)]


@pytest.mark.usefixtures("parrot")
def test_one_child_answers_every_step() -> None:
    first, second = reasons("a", "b")
    assert first == second
    with pytest.raises(ProcessLookupError):
        os.kill(int(first), 0)


@pytest.mark.usefixtures("parrot")
def test_a_killed_child_loses_its_step_and_no_other() -> None:
    before, lost, after, also = reasons("a", "dies", "b", "c")
    assert lost == f"the simulation's process ended with status {-signal.SIGKILL}"
    assert after == also != before


@pytest.mark.usefixtures("parrot")
def test_a_child_that_takes_too_long_is_left() -> None:
    lost, after = reasons("sleeps", "a", timeout=5.0)
    assert lost == "the simulation took longer than 5 seconds"
    assert after.isdigit()


@pytest.mark.usefixtures("parrot")
def test_a_child_killed_between_two_steps_loses_the_next() -> None:
    steps = iter([Step(config={}), Step(config={}), Step(config={})])
    answers = child.simulate(steps)
    first = next(answers)
    assert isinstance(first, NotSimulated)
    os.kill(int(first.reason), signal.SIGKILL)
    second, third = answers
    assert isinstance(second, NotSimulated)
    assert isinstance(third, NotSimulated)
    assert "ended with status -9" in second.reason
    assert third.reason not in {first.reason, second.reason}


@pytest.mark.usefixtures("parrot")
def test_a_caller_that_stops_early_leaves_no_child() -> None:
    answers = child.simulate([Step(config={}), Step(config={})])
    first = next(answers)
    assert isinstance(first, NotSimulated)
    answers.close()  # type: ignore[attr-defined]  # it is a generator
    with pytest.raises(ProcessLookupError):
        os.kill(int(first.reason), 0)


def test_a_program_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "PROGRAM", "tunewell.no_such_program")
    assert reasons("a", "b") == ["the simulation's process ended with status 1"] * 2


@pytest.mark.parametrize("missing", child.NEEDED)
def test_without_its_libraries_every_step_is_refused(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else real(name)
    )
    assert not child.can_simulate()
    told = reasons("a", "b")
    assert told == ["the simulation runs torch and transformers: pip install 'tunewell[train]'"] * 2


def test_the_caller_needs_no_torch() -> None:
    program = "import sys, tunewell.plan.child; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_steps_that_cannot_be_and_steps_that_can_are_answered_in_order() -> None:
    """The real program, and a model whose code prints while it runs."""
    steps = [
        STEP,
        msgspec.structs.replace(STEP, config={"hidden_size": 64}),
        msgspec.structs.replace(STEP, optimizer="sophia"),
        msgspec.structs.replace(STEP, adapter=LowRank(targets=("nowhere",))),
        msgspec.structs.replace(STEP, config={**CONFIG, "hidden_size": 65}),
        STEP,
    ]
    first, no_type, no_optimizer, no_target, no_shape, last = child.simulate(steps)
    assert isinstance(first, Simulated)
    assert isinstance(last, Simulated)
    assert first.peak_allocated == last.peak_allocated
    for answer in (no_type, no_optimizer, no_target, no_shape):
        assert isinstance(answer, NotSimulated)
        assert "\n" not in answer.reason
        assert "Traceback" not in answer.reason


MEASURE = """
import resource, subprocess, sys
from tunewell.plan import child
from tunewell.plan.step import LowRank, Step
config = {
    "model_type": "qwen2", "vocab_size": 152064, "hidden_size": 3584,
    "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
    "num_key_value_heads": 4, "max_position_embeddings": 32768, "tie_word_embeddings": False,
}
step = Step(
    config=config, batch=4, length=2048, weights="bf16", checkpointing=True,
    adapter=LowRank(rank=16, targets=("all-linear",)),
)
answer, = child.simulate([step])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(answer.parameters, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


@pytest.mark.slow
def test_seven_billion_weights_take_little_time_and_memory() -> None:
    """Under 12 seconds of one core and 1 GB, imports included."""
    out = subprocess.run(
        [sys.executable, "-c", MEASURE], check=True, capture_output=True, text=True
    ).stdout
    parameters, seconds, kibibytes = (float(word) for word in out.split())
    assert parameters == pytest.approx(7.6e9, rel=0.02)
    assert seconds < 12
    assert kibibytes * 1024 < 1e9


@pytest.mark.slow
def test_the_child_ends_when_who_asked_is_killed(tmp_path: Path) -> None:
    asking = tmp_path / "asking.py"
    asking.write_text(
        "import sys\n"
        "from tunewell.plan.child import _Child\n"
        "child = _Child()\n"
        "print(child._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, str(asking)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    for pipe in (parent.stdin, parent.stdout):
        assert pipe is not None
        pipe.close()
    until = time.monotonic() + 60
    while _runs(child) and time.monotonic() < until:
        os.sched_yield()
    assert not _runs(child)


def _runs(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
