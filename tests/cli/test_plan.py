"""`tunewell plan` as a command: bad input ends with one sentence, JSON keeps its contract."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TIMEOUT = 120
FAST = ("--no-simulate", "--quiet")
QWEN = ("--model", "Qwen/Qwen2.5-7B", "--method", "lora", "--batch", "4", "--seq", "2048")


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tunewell", "plan", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        cwd=cwd,
    )


def as_json(*arguments: str, cwd: Path) -> dict[str, Any]:
    """The document on stdout, which holds nothing else."""
    done = run(*arguments, "--output-format", "json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--model", "nobody/nothing"), "is neither a folder nor a config.json nor a known name"),
        (("--model", "Qwen2.5-7B", "--gpu", "X9000"), "no GPU is known as 'X9000'"),
        (("--model", "Qwen2.5-7B", "--batch", "-4"), "--batch must be at least 1, not -4"),
        (("--model", "Qwen2.5-7B", "--method", "rank"), "is none of full, lora, qlora"),
        (("--model", "Qwen2.5-7B", "--prices", "none.toml"), "prices cannot be read"),
        (("--model", "sizes.json"), "does not say hidden_size"),
        (("--model", "text.json"), "is not JSON"),
        (("--model", "folder"), "has no config.json"),
        (("--model", "negative.json"), "says hidden_size -64, which no model has"),
        (("nothing-here",), "no such file or folder"),
        (("folder-of-a-model",), "is not valid JSON"),
        (("own_loop.py",), "no settings can be read from it"),
        (("bad.yaml",), "bad.yaml"),
    ],
)
def test_bad_input_ends_with_one_sentence(
    arguments: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    (tmp_path / "sizes.json").write_text('{"model_type": "llama"}')
    (tmp_path / "text.json").write_text("this is no JSON")
    (tmp_path / "bad.yaml").write_text("model_name_or_path: [unclosed\nlearning_rate: 1e-4\n")
    (tmp_path / "folder").mkdir()
    negative = {"model_type": "llama", "hidden_size": -64, "num_hidden_layers": 2}
    (tmp_path / "negative.json").write_text(json.dumps(negative | {"num_attention_heads": 4}))
    (tmp_path / "folder-of-a-model").mkdir()
    (tmp_path / "folder-of-a-model" / "config.json").write_text("hidden_size: 64")
    (tmp_path / "own_loop.py").write_text(
        "import torch\nfrom transformers import AutoModelForCausalLM\n\nfor batch in loader:\n"
        "    model(**batch).loss.backward()\n"
    )
    done = run(*arguments, *FAST, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr


def test_the_document_has_what_scripts_read(tmp_path: Path) -> None:
    found = as_json(*QWEN, "--gpu", "L4", "--rows", "1000", *FAST, cwd=tmp_path)
    memory = found["facts"]["memory"]
    for key in (
        "peak_allocated_bytes", "peak_reserved_bytes", "process_bytes", "by_phase", "by_kind",
        "verdict", "available_bytes", "smallest_capacity_bytes", "method", "uncertainty",
        "assumptions", "holders",
    ):  # fmt: skip
        assert key in memory, key
    assert memory["verdict"] in {"fits", "tight", "does-not-fit"}
    assert memory["uncertainty"]["low"] <= memory["process_bytes"] <= memory["uncertainty"]["high"]
    time = found["facts"]["time"]
    assert time["low"] <= time["value"] <= time["high"]
    assert time["basis"]
    cost = found["facts"]["cost"]
    assert cost["low"] <= cost["value"] <= cost["high"]
    assert found["command"] == "plan"


def test_flags_alone_need_no_project_and_a_project_here_counts(tmp_path: Path) -> None:
    alone = as_json("--model", "SmolLM2-135M", *FAST, cwd=tmp_path)
    assert alone["title"] == "SmolLM2-135M"
    (tmp_path / "tunewell.toml").write_text("[recipe]\nper_device_train_batch_size = 3\n")
    project = as_json("--model", "SmolLM2-135M", *FAST, cwd=tmp_path)
    assert "3 rows of" in project["sections"][0]["text"]


def test_without_a_quiet_the_first_answer_is_on_stderr(tmp_path: Path) -> None:
    done = run(
        "--model", "bert-base-uncased", "--gpu", "T4", "--fit", "--no-simulate", cwd=tmp_path
    )
    assert done.returncode == 0
    assert "nothing to write" in done.stderr
    assert "nothing to write" not in done.stdout


def test_help_says_what_precision_means(tmp_path: Path) -> None:
    text = re.sub(r"\s+", " ", run("--help", cwd=tmp_path).stdout)
    assert "fp32 weights with autocast, as the Trainer does" in text
    assert "adamw is adamw_torch" in text
    assert "facts.memory.verdict" in text


@pytest.mark.slow
def test_a_small_model_is_really_simulated_and_made_to_fit(tmp_path: Path) -> None:
    """SmolLM2 of 135 million with 64 rows of 2,048 tokens, on a T4."""
    (tmp_path / "sft.yaml").write_text(
        "model_name_or_path: HuggingFaceTB/SmolLM2-135M\ndataset_name: trl-lib/Capybara\n"
        "per_device_train_batch_size: 64\ngradient_accumulation_steps: 1\nmax_length: 2048\n"
        "gradient_checkpointing: false\nlearning_rate: 2.0e-5\nfp16: true\nbf16: false\n"
    )
    before = as_json("sft.yaml", "--gpu", "T4", "--quiet", "--fit", cwd=tmp_path)
    assert before["facts"]["memory"]["method"] == "simulated"
    assert before["facts"]["memory"]["verdict"] == "does-not-fit"
    assert before["facts"]["changes"][0]["verdict"] == "fits"
    assert (tmp_path / "sft.fixed.yaml").is_file()
    assert (tmp_path / "launch.sh").is_file()
    after = as_json("sft.fixed.yaml", "--gpu", "T4", "--quiet", cwd=tmp_path)
    assert after["facts"]["memory"]["verdict"] == "fits"


def test_a_models_folder_is_its_model_and_concise_tells_the_verdict(tmp_path: Path) -> None:
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "config.json").write_text(
        json.dumps({"model_type": "llama", "vocab_size": 1000, "intermediate_size": 128} | sizes)
    )
    for path in ("small", "small/config.json"):
        done = run(path, "--gpu", "L4", *FAST, "--output-format", "concise", cwd=tmp_path)
        assert done.returncode == 0
        assert "It fits in L4 with" in done.stdout
