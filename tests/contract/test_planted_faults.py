"""What `reproduces` claims: the fault is one of the catalogue, and a check finds it."""

import ast
import importlib.util
import json
from pathlib import Path
from types import ModuleType

from tunewell.engine import registry

ROOT = Path(__file__).parents[2]
EARLY = {"config", "dryrun"}
"""Stages at which a fault can be seen before the first step."""

NOT_PLANTED = {
    "C07": "no check: the stage-one model would have to be loaded beside",
    "E25": "needs quantised weights, and so a GPU",
    "O12": "gone in transformers 5, as tests/checks/fit/test_first_step_raises.py shows",
    "O15": "needs bitsandbytes; the frozen adapter itself is in tests/planted",
    "P05": "gone on the CPU, as tests/planted/test_what_learns.py shows; else needs a GPU",
    "P09": "needs the kernel of FlashAttention; what it is handed is tested",
    "P10": "needs the kernel of FlashAttention",
    "P15": "needs two GPUs",
    "P20": "needs DeepSpeed",
    "P21": "needs two processes and minutes of waiting",
    "P26": "needs two GPUs",
    "R09": "refused by TRL, as test_reference_is_another_model.py shows",
    "R17": "refused or repaired by TRL 1.16, as tests/planted/test_other_tasks.py shows",
    "S23": "gone in transformers 5, as tests/planted/test_what_is_saved.py shows",
}
"""Early faults that no test plants, and why."""


def _clinic() -> ModuleType:
    spec = importlib.util.spec_from_file_location("clinic_tool", ROOT / "tools" / "clinic.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _stages() -> dict[str, str]:
    lines = (ROOT / "clinic" / "faults.jsonl").read_text(encoding="utf-8").splitlines()
    return {fault["id"]: fault["stage"] for fault in map(json.loads, lines)}


def test_every_planted_fault_is_known_and_found_by_a_check() -> None:
    planted = set(_clinic().reproduced())
    covered = {fault for check in registry.load() for fault in check.covers}
    assert planted <= _stages().keys()
    assert planted <= covered


def test_every_early_fault_is_planted_or_has_a_reason() -> None:
    planted = set(_clinic().reproduced())
    early = {fault for fault, stage in _stages().items() if stage in EARLY}
    assert early - planted == NOT_PLANTED.keys()


def test_markers_are_read_as_pytest_reads_them() -> None:
    """The tool counts literals: an id that is put together from others would be lost."""
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "reproduces":
                assert node.args, file
                assert all(isinstance(argument, ast.Constant) for argument in node.args), file
