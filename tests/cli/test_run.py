"""`tunewell run`: the script is unchanged, the look comes first, a refusal is not swallowed."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]

SCRIPT = """
import os, sys
early = "torch" not in sys.modules
from pathlib import Path
from tests.preflight import tiny

out = Path(sys.argv[1])
trainer = tiny.classifier(out, learning_rate=float(sys.argv[2]) if len(sys.argv) > 2 else 5e-5)
if "elsewhere" in os.environ.get("TUNEWELL_TEST", ""):
    import torch

    trainer.optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
print("arguments", sys.argv[1:], __name__, "torch comes later" if early else "torch was there")
try:
    trainer.train()
except Exception:
    print("swallowed")
print(f"steps {trainer.state.global_step}", flush=True)
if "raise" in os.environ.get("TUNEWELL_TEST", ""):
    raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TUNEWELL_TEST", raising=False)
    # The library's log handler keeps the stderr of the first test, which is closed by now.
    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return path


def test_a_healthy_script_trains_watched(tunewell: Run, script: Path, tmp_path: Path) -> None:
    ended = tunewell("run", "--show-mask", "1", script, tmp_path / "out", "3e-5")
    assert ended.status == 0
    assert f"arguments ['{tmp_path}/out', '3e-5'] __main__" in ended.out
    assert "steps 4" in ended.out
    assert "Nothing wrong was found" in ended.err
    assert (tmp_path / "out" / "tunewell" / "events.jsonl").is_file()


def test_no_watch(tunewell: Run, script: Path, tmp_path: Path) -> None:
    ended = tunewell("run", "--no-watch", script, tmp_path / "out")
    assert "steps 4" in ended.out
    assert not (tmp_path / "out" / "tunewell").exists()


def test_a_certain_error_refuses(
    tunewell: Run, script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEWELL_TEST", "elsewhere")
    ended = tunewell("run", script, tmp_path / "out")
    assert ended.status == 1
    assert "error[FIT" in ended.err
    assert "not trained" in ended.err
    assert "--go-on" in ended.err
    assert "steps" not in ended.out
    assert "swallowed" not in ended.out


def test_check_only(tunewell: Run, script: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    ended = tunewell("run", "--check-only", "-o", report, script, tmp_path / "out")
    assert ended.status == 0
    assert "steps" not in ended.out
    assert json.loads(report.read_text())["command"] == "check"
    assert not list((tmp_path / "out").rglob("*"))


def test_the_script_s_own_exception(
    tunewell: Run, script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEWELL_TEST", "raise")
    ended = tunewell("run", "--no-watch", script, tmp_path / "out")
    assert ended.status == 1
    assert "RuntimeError: CUDA out of memory" in ended.err
    assert "intercept.py" not in ended.err
    assert "[ERR003] known-exception" in ended.err


def test_a_script_that_never_trains(tunewell: Run, tmp_path: Path) -> None:
    path = tmp_path / "other.py"
    path.write_text("import sys\nprint(sys.argv)\n")
    ended = tunewell("run", "--check-only", path, "--verbose", "-o", "x")
    assert ended.status == 3
    assert f"['{path}', '--verbose', '-o', 'x']" in ended.out
    assert "never called Trainer.train()" in ended.err
    assert tunewell("run", path).status == 0


def test_an_exit_status_of_the_script_s_own(tunewell: Run, tmp_path: Path) -> None:
    path = tmp_path / "other.py"
    path.write_text("import sys\nsys.exit(7)\n")
    assert tunewell("run", path).status == 7


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere.py",), "nowhere.py: no such file"),
        (("-m", "no.such.module"), "no.such.module: no such module is installed here"),
    ],
)
def test_bad_input(tunewell: Run, arguments: tuple[str, ...], told: str) -> None:
    ended = tunewell("run", *arguments)
    assert ended.status == 2
    assert told in ended.err
    assert "Traceback" not in ended.err


def test_invalid_python_is_told_as_python_tells_it(tunewell: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("def f(:\n")
    ended = tunewell("run", path)
    assert ended.status == 1
    assert "SyntaxError" in ended.err
    assert "tunewell/api" not in ended.err


@pytest.mark.slow
def test_torch_is_imported_by_the_script_alone(script: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tunewell", "run", script, tmp_path / "out"],
        check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "torch comes later" in ended.stdout
    assert "steps 4" in ended.stdout


@pytest.mark.slow
def test_two_processes_agree(script: Path, tmp_path: Path) -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true"}
    report = tmp_path / "report.json"
    ended = subprocess.run(
        [*launch, "-m", "tunewell", "run", "-o", report, script, tmp_path / "out"],
        check=False, capture_output=True, text=True, env=env, timeout=200,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("steps 4") == 2
    # What two processes print may run into each other; the file is the first one's alone.
    told = json.loads(report.read_text())
    assert not told["findings"]
    assert "run tunewell without torchrun" in str(told["not_run"])
