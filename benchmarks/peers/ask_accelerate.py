"""Asks `accelerate estimate-memory`, for full fine-tuning: it counts every parameter as trained.

It looks the model up on the hub first. That look-up alone is replaced, by a folder.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from asking import Answer, Case, NotCoveredError, compute_precision, serve

os.environ["HF_HUB_OFFLINE"] = "1"
STARTED = time.perf_counter()

from accelerate.commands import estimate  # noqa: E402

FOLDER = tempfile.TemporaryDirectory()


def ask(case: Case) -> Answer:
    """Its column "Training using Adam" for the precision of the products."""
    if case["step"].get("adapter"):
        message = "counts every parameter as trained"
        raise NotCoveredError(message)
    path = Path(FOLDER.name) / "model"
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(case["config"]))
    estimate.verify_on_hub = lambda _name, _token: SimpleNamespace(
        library_name="transformers", config=case["config"]
    )
    dtype = "float32" if compute_precision(case["step"]) == "fp32" else "float16"
    asked = argparse.Namespace(
        model_name=str(path), library_name="transformers", trust_remote_code=False, dtypes=[dtype]
    )
    [(_, _, _, training)] = estimate.gather_data(asked)
    return {"tensors": max(training.values())}


serve("accelerate", {"accelerate estimate-memory": ask}, started=STARTED)
