"""The steps that are measured on a GPU, and the measurement itself as far as a CPU goes."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks" / "gpu_memory"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """The script of the configurations; those beside it can be imported as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("configurations")


def test_there_are_enough_configurations_and_their_names_are_unique(script: ModuleType) -> None:
    names = [each.name for each in script.CONFIGURATIONS]
    assert len(names) >= 80
    assert len(set(names)) == len(names)


def test_they_are_of_many_architectures_and_every_method(script: ModuleType) -> None:
    steps = [each.step for each in script.CONFIGURATIONS]
    assert len({step.config["model_type"] for step in steps}) >= 14
    assert {step.quantization for step in steps} == {None, "nf4", "int8"}
    assert {step.attention for step in steps} == {"sdpa", "eager"}
    assert {step.loop for step in steps} == {"trainer", "plain"}
    assert {step.autocast for step in steps} == {None, "bf16", "fp16"}
    assert {step.weights for step in steps} == {"fp32", "bf16", "fp16"}
    assert any(step.adapter and step.adapter.dora for step in steps)
    assert {step.accumulation for step in steps} == {1, 4}
    assert any(step.checkpointing and step.reentrant for step in steps)


def test_a_share_is_held_out_of_every_family(script: ModuleType) -> None:
    held_out = [each for each in script.CONFIGURATIONS if each.held_out]
    assert 15 <= len(held_out) <= len(script.CONFIGURATIONS) // 4
    for family in (
        script.ENCODERS,
        script.VISION,
        script.ENCODER_DECODERS,
        script.SMALL_DECODERS,
        script.EXPERTS,
        script.MIDDLE_DECODERS,
        script.LARGE_DECODERS,
    ):
        assert 0 < sum(each.held_out for each in family) < len(family)


def test_files_come_back_from_the_gpu_machine_together(script: ModuleType) -> None:
    """It returns eight files at most: the results, a log, and the histories."""
    assert 0 < sum(each.history for each in script.CONFIGURATIONS) <= 6


def test_frozen_packed_weights_have_an_adapter(script: ModuleType) -> None:
    for each in script.CONFIGURATIONS:
        assert each.step.adapter is not None or each.step.quantization is None, each.name


# Millions of parameters as published with the models.
PARAMETERS = {
    "bert.full.fp32.b16x128": 109.5,
    "deberta-v3.full.fp32.b8x256.padded": 184.4,
    "gpt2.full.fp32.b8x512": 124.4,
    "resnet50.full.amp-fp16.b64": 25.6,
    "whisper-small.full.amp-fp16.b8": 241.7,
    "t5-base.full.fp32.b8x512-128": 222.9,
    "qwen2.5-7b.full.bf16.b1x1024.ckpt": 7615.6,
    "llama-3.2-1b.full.bf16.b2x1024": 1235.8,
    "olmoe.lora16.bf16.b2x1024.ckpt": 6919.2 + 4.2,
}


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("name", PARAMETERS)
def test_a_model_is_built_with_its_published_number_of_parameters(
    script: ModuleType, name: str
) -> None:
    torch = pytest.importorskip("torch")
    construct = importlib.import_module("construct")
    step = next(each.step for each in script.CONFIGURATIONS if each.name == name)
    model = construct.build(step, torch.device("meta"))
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    assert millions == pytest.approx(PARAMETERS[name], abs=0.06)


def test_rows_have_the_exact_length_and_padding(script: ModuleType) -> None:
    pytest.importorskip("torch")
    construct = importlib.import_module("construct")
    by_name = {each.name: each.step for each in script.CONFIGURATIONS}
    padded = construct.rows(by_name["bert.full.amp-bf16.b32x128.padded"], 3)
    assert [tuple(row["input_ids"].shape) for row in padded] == [(128,)] * 3
    assert [int(row["attention_mask"].sum()) for row in padded] == [96] * 3
    pair = construct.rows(by_name["t5-base.full.fp32.b8x512-128"], 1)[0]
    assert len(pair["input_ids"]) == 512
    assert len(pair["labels"]) == 128
    assert int(pair["attention_mask"].min()) == 1


@pytest.mark.slow
def test_the_measurement_runs_on_a_cpu_with_no_memory_to_report(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    lines = _measured(tmp_path, "--only", "tiny.classify", "tiny.plain", "tiny.lora")
    assert [line["status"] for line in lines] == ["ran"] * 5, lines
    steps = [line for line in lines if line["kind"] == "step"]
    assert len(steps) == 3
    for line in steps:
        assert line["memory"] is None
        assert line["seconds"]["step"] > 0
        assert 0 < line["trainable"] <= line["parameters"]
        assert line["operations"]


@pytest.mark.slow
def test_a_step_with_a_capacity_and_one_that_fails_each_give_a_line(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    file = tmp_path / "capacities.json"
    file.write_text(json.dumps({"tiny.plain.sgd": [1 << 30, 1 << 20]}))
    lines = _measured(tmp_path, "--capacities", str(file))
    boundaries = [line for line in lines if line["kind"] == "boundary"]
    assert [line["capacity"] for line in boundaries] == [1 << 30, 1 << 20]
    assert {line["steps"] for line in boundaries} == {3}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("return {'answer': 1}", "ran", None),
        ("raise ValueError('no such thing')", "failed", "ValueError: no such thing"),
        ("import os; os.abort()", "failed", "ended with status 6"),
        ("import time; time.sleep(30)", "failed", "no answer in 1 s"),
    ],
)
def test_whatever_a_child_does_there_is_an_answer(
    body: str, status: str, error: str | None
) -> None:
    pytest.importorskip("torch")
    code = (
        "import json, torch, forked\n"
        f"def work():\n    {body}\n"
        "print(json.dumps(forked.in_child(work, 1.0)))"
    )
    result = _python("-c", code)
    answer = json.loads(result.stdout.splitlines()[-1])
    assert answer["status"] == status
    assert answer.get("error") == error


def _measured(folder: Path, *options: str) -> list[dict[str, Any]]:
    out = folder / "results.jsonl"
    _python(str(FOLDER / "measure.py"), str(out), *options)
    return [json.loads(line) for line in out.read_text().splitlines()]


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(FOLDER)]),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
