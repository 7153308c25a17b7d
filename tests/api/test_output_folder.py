"""What lies in the output folder of a recipe is looked at by a plain check."""

from __future__ import annotations

import json
from pathlib import Path

import tunewell


def test_a_checkpoint_without_an_optimizer_is_found(tmp_path: Path) -> None:
    """The arguments as JSON, and beside them the folder that they name."""
    checkpoint = tmp_path / "out" / "checkpoint-5"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").touch()
    (tmp_path / "args.json").write_text(
        json.dumps(
            {
                "output_dir": "out",
                "num_train_epochs": 3,
                "per_device_train_batch_size": 8,
                "resume_from_checkpoint": "out/checkpoint-5",
            }
        ),
        encoding="utf-8",
    )
    document = tunewell.check(tmp_path / "args.json")
    found = {finding.code: finding for finding in document.findings}
    assert found["ADA010"].where[0].path.endswith("checkpoint-5")  # type: ignore[union-attr]
    assert any(thing.what == "output folder" for thing in document.examined)
