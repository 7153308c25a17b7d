"""Error of the closed-form memory on runs that were measured on a Tesla T4.

    python benchmarks/memory.py DATA_FOLDER

DATA_FOLDER holds t4_memory/measured.json: model dimensions, run settings and the peaks that PyTorch
reported, from the measurement archive of fitcheck-llm 0.3.1 (MIT).
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from tunewell.plan.memory import ModelSize, estimate

RESULT = Path(__file__).parent / "results" / "memory.json"


def main() -> None:
    """Print and write the errors."""
    runs = json.loads((Path(sys.argv[1]) / "t4_memory" / "measured.json").read_text())
    ratios, low_ratios, covered = [], [], 0
    for run in runs:
        memory = estimate_run(run["config"], run["run"])
        measured = run["measured"]["peak_allocated_mib"] * 2**20
        ratios.append(memory.total / measured)
        low_ratios.append(memory.low / measured)
        covered += memory.low <= measured <= memory.high
    report = {
        "runs": len(runs),
        "mean_absolute_error_percent": round(
            100 * statistics.mean(abs(ratio - 1) for ratio in ratios), 1
        ),
        "smallest_ratio_to_measured": round(min(ratios), 3),
        "largest_ratio_to_measured": round(max(ratios), 3),
        "low_end_above_measured": sum(ratio > 1 for ratio in low_ratios),
        "measured_inside_low_to_high": covered,
    }
    print(json.dumps(report, indent=1))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(report, indent=1) + "\n")


def estimate_run(config: dict[str, Any], run: dict[str, Any]) -> Any:  # noqa: ANN401
    """The estimate for one archived run: LoRA on the attention projections."""
    hidden, layers = config["hidden_size"], config["num_layers"]
    key_width = config["num_kv_heads"] * config["head_dim"]
    query_width = config["num_attention_heads"] * config["head_dim"]
    matrices = [
        (query_width, hidden),
        (key_width, hidden),
        (key_width, hidden),
        (hidden, query_width),
        *[(config["intermediate_size"], hidden)] * 3,
    ]
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    sides = dict(zip(names, [rows + columns for rows, columns in matrices], strict=True))
    size = ModelSize(
        parameters=config["num_params"],
        block_parameters=layers * sum(rows * columns for rows, columns in matrices),
        block_sides=layers * sum(sides.values()),
        hidden=hidden,
        layers=layers,
        heads=config["num_attention_heads"],
        vocabulary=config["vocab_size"],
    )
    return estimate(
        size,
        batch=run["batch_size"],
        length=run["seq_len"],
        method="lora" if run["quantization"] == "none" else "qlora",
        precision=run["precision"],
        checkpointing=run["grad_checkpoint"],
        fused_attention=run["attn_impl"] != "eager",
        trainable=run["lora_rank"] * layers * sum(sides[name] for name in run["lora_targets"]),
    )


if __name__ == "__main__":
    main()
