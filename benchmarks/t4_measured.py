"""Gathers the training steps that others measured on a Tesla T4 into one compact file of facts.

    python benchmarks/t4_measured.py FITCHECK_FOLDER PREFLIGHT_FOLDER

The folders are the unpacked source distributions of fitcheck-llm 0.3.1 and torch-preflight 0.5.0,
both under the MIT licence. From the first come 59 distinct runs (repeats of a configuration and
rows with nothing but a transcribed peak are left out) and 11 more at the edge of the card, four of
which ran out of memory; from the second eight. Written: the model's dimensions, the step as their
script ran it, and what they measured, in benchmarks/data/t4_measured.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "data" / "t4_measured.json"
MIB = 1024**2
CARD_MIB = 14912
"""Memory of the T4 as the driver reports it, in MiB: `total_mib` of fitcheck-llm's manifest."""

CONTEXT_BYTES = int(140.875 * MIB)
"""The driver's context, as fitcheck-llm's script measured it on every run."""

PREFLIGHT_CONTEXT_BYTES = 141426688
"""The same, as torch-preflight's script measured it."""

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
    "mistral": {
        "architectures": ["MistralForCausalLM"],
        "model_type": "mistral",
        "sliding_window": None,
    },
    "qwen2": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"},
}
FAMILY_AND_POSITIONS = {
    "HuggingFaceTB/SmolLM2-135M": ("llama", 8192),
    "HuggingFaceTB/SmolLM2-360M": ("llama", 8192),
    "HuggingFaceTB/SmolLM2-1.7B": ("llama", 8192),
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": ("llama", 2048),
    "meta-llama/Llama-3.2-1B-Instruct": ("llama", 131072),
    "meta-llama/Llama-3.2-3B-Instruct": ("llama", 131072),
    "deepseek-ai/deepseek-coder-1.3b-instruct": ("llama", 16384),
    "mistralai/Mistral-7B-Instruct-v0.3": ("mistral", 32768),
    "Qwen/Qwen2.5-1.5B-Instruct": ("qwen2", 32768),
    "Qwen/Qwen2.5-Coder-1.5B-Instruct": ("qwen2", 32768),
    "Qwen/Qwen2.5-7B-Instruct": ("qwen2", 32768),
}
"""The archive has the dimensions but not the architecture. Families and positions are those of the
models' own config.json, from memory; the number of parameters that follows is checked against the
one that was measured, and positions change no memory here."""

CLASSICS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai-community/gpt2": (
        "causal-lm",
        {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "n_embd": 768,
            "n_layer": 12,
            "n_head": 12,
            "n_positions": 1024,
            "vocab_size": 50257,
            "attn_pdrop": 0.1,
            "embd_pdrop": 0.1,
            "resid_pdrop": 0.1,
        },
    ),
    "google-bert/bert-base-uncased": (
        "token-classification",
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "max_position_embeddings": 512,
            "vocab_size": 30522,
            "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.1,
        },
    ),
    "distilbert/distilbert-base-uncased": (
        "token-classification",
        {
            "architectures": ["DistilBertModel"],
            "model_type": "distilbert",
            "dim": 768,
            "n_layers": 6,
            "n_heads": 12,
            "hidden_dim": 3072,
            "max_position_embeddings": 512,
            "vocab_size": 30522,
            "dropout": 0.1,
            "attention_dropout": 0.1,
        },
    ),
    "torchvision/resnet50": (
        "image-classification",
        {
            "architectures": ["ResNetForImageClassification"],
            "model_type": "resnet",
            "num_channels": 3,
            "embedding_size": 64,
            "hidden_sizes": [256, 512, 1024, 2048],
            "depths": [3, 4, 6, 3],
            "layer_type": "bottleneck",
            "num_labels": 1000,
        },
    ),
}
"""Architectures of the models that torch-preflight measured, as in their config.json, from memory;
the number of parameters that follows is checked against the one that was measured."""


def main() -> None:
    """Write the file."""
    fitcheck, preflight = Path(sys.argv[1]), Path(sys.argv[2])
    models: dict[str, Any] = {}
    measured = fitcheck_rows(fitcheck, models)
    rows = [*measured, *edge_rows(fitcheck, measured), *preflight_rows(preflight, models)]
    document = {
        "about": (
            "Training steps measured on a Tesla T4 by others. Facts only: dimensions, settings and "
            "measured figures. Built by benchmarks/t4_measured.py; sizes are bytes."
        ),
        "card": {"name": "Tesla T4", "capability": 75, "bytes": CARD_MIB * MIB},
        "sources": SOURCES,
        "models": models,
        "rows": rows,
    }
    RESULT.parent.mkdir(exist_ok=True)
    lines = [
        f" {json.dumps(key)}: {json.dumps(document[key])}" for key in ("about", "card", "sources")
    ]
    lines.append(_block("models", [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in models.items()]))
    lines.append(_block("rows", [json.dumps(row) for row in rows]))
    RESULT.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(rows)} rows of {len(models)} models")


SOURCES = {
    "fitcheck-llm 0.3.1": {
        "address": "https://pypi.org/project/fitcheck-llm/0.3.1/",
        "files": "data/measurements",
        "script": "scripts/measure.py",
        "licence": "MIT, Copyright (c) 2026 Anas Bouzid",
        "taken": "2026-11-27",
    },
    "torch-preflight 0.5.0": {
        "address": "https://pypi.org/project/torch-preflight/0.5.0/",
        "files": "tests/calibration/measured_peaks.json",
        "script": "tests/calibration/measure_cuda.py",
        "licence": "MIT, Copyright (c) 2026 Himanshu Janbandhu",
        "taken": "2026-11-27",
    },
}


def _block(name: str, items: list[str]) -> str:
    opening, closing = ("{", "}") if name == "models" else ("[", "]")
    return f' "{name}": {opening}\n  ' + ",\n  ".join(items) + f"\n {closing}"


def fitcheck_rows(folder: Path, models: dict[str, Any]) -> list[dict[str, Any]]:
    """The distinct runs of fitcheck-llm's manifest that have all details.

    Where a configuration was measured in two sessions, the later one stands.
    """
    archive = folder / "data" / "measurements"
    manifest = json.loads((archive / "manifest.json").read_text())
    distinct: dict[str, dict[str, Any]] = {}
    for entry in manifest["rows"]:
        if entry["role"] not in {"calibration", "holdout"}:
            continue
        run = json.loads((archive / entry["file"]).read_text())["runs"][entry["index"]]
        model, measured = entry["model_id"], run["measured"]
        models[model] = {
            "parameters": measured["total_params"] - measured["trainable_params"],
            "config": decoder_config(model, run["model_config"]),
        }
        session = manifest["sessions"][entry["session"]]
        name = _name(model, entry["identity"])
        distinct[name] = {
            "name": name,
            "source": "fitcheck-llm 0.3.1",
            "role": entry["role"],
            "versions": {key: session[key] for key in ("torch", "transformers", "peft")},
            "model": model,
            "step": fitcheck_step(entry["identity"]),
            "measured": {
                "outcome": "completed",
                "allocated": _bytes(measured["peak_allocated_mib"]),
                "reserved": _bytes(measured["peak_reserved_mib"]),
                "process": _bytes(measured["process_mib"]),
                "forward": _bytes(measured["peak_forward_mib"]),
                "backward": _bytes(measured["peak_backward_mib"]),
                "optimizer": _bytes(measured["peak_optimizer_mib"]),
                "loaded": _bytes(measured["after_load_allocated_mib"]),
                "trainable": measured["trainable_params"],
                "seconds": round(measured["step_seconds"], 4),
            },
        }
    return list(distinct.values())


def edge_rows(folder: Path, measured: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs at the edge of the card, for verdicts: whether each completed.

    Their process sizes are kept apart: near the card's end the allocator gives segments back, and
    the one run that was measured in full as well (Qwen2.5-7B, batch 1, left out here) has
    13,412.9 MiB there against 12,020.9 MiB in full.
    """
    known = {row["name"] for row in measured}
    path = folder / "data/measurements/validation/final-t4-20260921-verdicts.json"
    rows = []
    for result in json.loads(path.read_text())["results"]:
        identity = result["identity"]
        name = _name(result["identity"]["model_id"], identity)
        if name in known:
            continue
        facts: dict[str, Any] = {"outcome": result["outcome"]}
        if result["outcome"] == "completed":
            facts["process_at_edge"] = _bytes(result["measured_process_mib"])
        rows.append(
            {
                "name": name,
                "source": "fitcheck-llm 0.3.1",
                "role": "edge",
                "model": identity["model_id"],
                "step": fitcheck_step(identity),
                "measured": facts,
            }
        )
    return rows


def fitcheck_step(identity: dict[str, Any]) -> dict[str, Any]:
    """The step of fitcheck-llm's script, as fields of `tunewell.plan.step.Step` but the config.

    fp16 weights, adapters in fp32, no autocast, `torch.optim.AdamW` with its defaults, a plain
    loop, the second step measured. With four-bit weights, `prepare_model_for_kbit_training` makes
    the rest fp32. Attention named "flash" is PyTorch's memory-efficient kernel, pinned, with
    grouped keys and values copied to all heads before it.
    """
    step: dict[str, Any] = {
        "batch": identity["batch_size"],
        "length": identity["seq_len"],
        "weights": "fp16",
        "adapter": {"rank": identity["lora_rank"], "targets": identity["lora_targets"]},
        "attention": "eager" if identity["kernel"] == "eager" else "sdpa",
        "checkpointing": True,
        "optimizer": "adamw_torch",
        "loop": "plain",
        "clipping": False,
        "device": {"capability": 75, "context_bytes": CONTEXT_BYTES},
    }
    if step["attention"] == "sdpa":
        step["attention_kernel"] = "efficient"
    if identity["quantization"] == "nf4":
        step["quantization"] = "nf4"
    return step


def decoder_config(model: str, dimensions: dict[str, Any]) -> dict[str, Any]:
    """A config.json of the archive's dimensions."""
    family, positions = FAMILY_AND_POSITIONS[model]
    config = {
        **FAMILIES[family],
        "hidden_size": dimensions["hidden_size"],
        "intermediate_size": dimensions["intermediate_size"],
        "max_position_embeddings": positions,
        "num_attention_heads": dimensions["num_attention_heads"],
        "num_hidden_layers": dimensions["num_layers"],
        "num_key_value_heads": dimensions["num_kv_heads"],
        "tie_word_embeddings": dimensions["tie_word_embeddings"],
        "vocab_size": dimensions["vocab_size"],
    }
    if dimensions["head_dim"] * dimensions["num_attention_heads"] != dimensions["hidden_size"]:
        config["head_dim"] = dimensions["head_dim"]
    return config


def preflight_rows(folder: Path, models: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs of torch-preflight's archive: full fine-tuning under autocast.

    Its script asks `torch.cuda.is_bf16_supported()`, which on a T4 says True, by emulation:
    autocast was bf16. The encoders had the mean of their squared outputs for a loss: said as
    token classification, whose step is within a few MiB of it. ResNet was torchvision's, which
    keeps less than the one of transformers (its activations work in place): that row stands in and
    is left out of the sums.
    """
    rows = []
    runs = json.loads((folder / "tests/calibration/measured_peaks.json").read_text())["runs"]
    for run in runs:
        model = next(name for name in CLASSICS if name.endswith(f"/{run['model']}"))
        task, config = CLASSICS[model]
        models[model] = {"parameters": run["params"], "config": config}
        batch = run["config"]["batch_size"]
        length = run["config"].get("seq_len", run["config"].get("image_size"))
        row = {
            "name": f"{run['model']} b{batch} s{length} full bf16-autocast",
            "source": "torch-preflight 0.5.0",
            "role": "measured",
            "versions": {"torch": run["torch_version"]},
            "model": model,
            "step": {
                "task": task,
                "batch": batch,
                "length": length,
                "autocast": "bf16",
                "optimizer": "adamw_torch",
                "loop": "plain",
                "clipping": False,
                "device": {"capability": 75, "context_bytes": PREFLIGHT_CONTEXT_BYTES},
            },
            "measured": {
                "outcome": "completed",
                "allocated": run["measured_allocated_bytes"],
                "reserved": run["measured_reserved_bytes"],
                "process": run["measured_peak_bytes"],
            },
        }
        if task == "image-classification":
            row["stands_in"] = "torchvision's model, not the one of transformers"
        rows.append(row)
    return rows


def _name(model: str, identity: dict[str, Any]) -> str:
    kind = "qlora" if identity["quantization"] == "nf4" else "lora"
    attention = "eager" if identity["kernel"] == "eager" else "sdpa"
    return (
        f"{model.rpartition('/')[2]} b{identity['batch_size']} s{identity['seq_len']} "
        f"{kind} r{identity['lora_rank']} {attention}"
    )


def _bytes(mib: float) -> int:
    return round(mib * MIB)


if __name__ == "__main__":
    main()
