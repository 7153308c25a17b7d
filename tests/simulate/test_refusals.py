"""What cannot be simulated: one sentence each, and never a number without its assumption."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from tests.simulate.running import BERT, LLAMA, SMALL, refused, simulated

from tunewell.plan.simulated import Simulated
from tunewell.plan.step import Device, LowRank

CODE = {"auto_map": {"AutoModelForCausalLM": "own.Model"}}


def llama(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  values of a config.json
    return {**LLAMA, **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": llama(model_type="lama")}, 'no architecture "lama": did you mean llama'),
        ({"config": llama(model_type="zz9")}, "a newer version may"),
        ({"config": {"hidden_size": 64}}, 'names no "model_type"'),
        ({"config": llama(model_type="own", **CODE)}, "its own code would have to run"),
        ({"config": llama(quantization_config={"quant_method": "gptq"})}, 'packed with "gptq"'),
        ({"config": llama(quantization_config="awq")}, 'packed with "awq"'),
        ({"config": {**BERT, "model_type": "vit"}}, "no AutoModelForCausalLM"),
        ({"config": BERT, "task": "seq2seq-lm"}, "no AutoModelForSeq2SeqLM"),
        ({"config": llama(hidden_size=250)}, "not a multiple of the number of attention heads"),
        ({"config": llama(hidden_size="256")}, "expected int, got str"),
        ({"config": llama(hidden_size=-4)}, "negative dimension"),
        ({"config": llama(hidden_size=10**12)}, "no model can be built"),
        ({"config": llama(vocab_size=10**15)}, "beyond any GPU"),
        ({"config": llama(hidden_act="nonsense")}, "KeyError: 'nonsense'"),
        ({"config": BERT, "task": "masked-lm", "length": 1024}, "must match the existing size"),
        ({"batch": 10**9}, "beyond any GPU"),
        ({"batch": 0}, "batch is 0"),
        ({"length": -1}, "length is -1"),
        ({"accumulation": 0}, "accumulation is 0"),
        ({"adapter": LowRank(targets=("nowhere",))}, "PEFT cannot put adapters on this model"),
        ({"adapter": LowRank(rank=0)}, "PEFT cannot put adapters on this model"),
        ({"quantization": "nf4"}, "packed weights cannot be trained"),
        ({"optimizer": "sophia"}, 'the optimizer "sophia" is not known; known are adafactor'),
        ({"attention": "flash", "weights": "fp32"}, "flash attention takes fp16 or bf16"),
        ({"attention_kernel": "flash", "device": Device(capability=75)}, "on 7.5"),
        ({"attention_kernel": "cudnn", "weights": "fp32"}, "cudnn attention takes fp16 or bf16"),
    ],
)
def test_the_reason_is_one_sentence(changes: dict[str, Any], words: str) -> None:
    reason = refused(**changes)
    assert words in reason
    assert "\n" not in reason
    assert len(reason) < 500


def test_missing_sizes_are_an_assumption() -> None:
    told = simulated(config={"model_type": "gpt2", "n_layer": 2, "vocab_size": 100}).assumptions
    (only,) = told
    assert only.startswith("config.json does not say n_embd, n_head: those of transformers' gpt2")
    assert simulated().assumptions == ()


def test_code_of_its_own_is_not_run_where_the_architecture_is_known() -> None:
    plain, remote = simulated(), simulated(config=llama(**CODE))
    assert remote.peak_allocated == plain.peak_allocated
    assert remote.assumptions == (
        'The model brings its own code; the "llama" of transformers was simulated instead.',
    )


def test_an_attention_that_the_model_lacks_is_an_assumption() -> None:
    resnet = {"model_type": "resnet", "hidden_sizes": [64, 128], "depths": [1, 1]}
    answer = simulated(config=resnet, task="image-classification", batch=2, weights="fp32")
    assert any("eager runs" in told for told in answer.assumptions)


def test_a_version_without_numbers_is_the_installed_one() -> None:
    nightly = simulated(device=Device(torch="nightly"))
    assert nightly.peak_allocated == simulated().peak_allocated
    assert simulated(device=Device(torch="2.11.0+cu130")).peak_allocated > 0


NOISE = """
import os, tunewell.simulate.__main__ as program
real = program.simulate
def noisy(step):
    print("from Python")
    os.write(1, b"from below")
    return real(step)
program.simulate = noisy
program.main()
"""


def test_what_a_model_prints_is_no_answer() -> None:
    asked = msgspec.json.encode(SMALL) + b"\n"
    ran = subprocess.run(
        [sys.executable, "-c", NOISE],
        input=asked + asked,
        capture_output=True,
        check=True,
        env={**os.environ, "TRANSFORMERS_VERBOSITY": "error"},
    )
    first, second = (msgspec.json.decode(line, type=Simulated) for line in ran.stdout.splitlines())
    assert first.peak_allocated == second.peak_allocated
    assert ran.stderr.count(b"from below") == 2
