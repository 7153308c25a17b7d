"""Keras on PyTorch, watched; in a process of its own, as Keras takes its backend on import."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tunewell.readers.logs import read_run

pytestmark = pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="needs Keras")
SCRIPT = """
import json, sys
import numpy as np, keras
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(256, 8)).astype("float32")
y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
layers = [keras.Input((8,)), keras.layers.Dense(32, activation="relu"),
          keras.layers.Dropout(0.1), keras.layers.Dense(3)]
model = keras.Sequential(layers)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer=keras.optimizers.Adam(1e-2), loss=loss, metrics=["accuracy"])
watching = []
if sys.argv[1]:
    import tunewell
    watching = [tunewell.KerasWatch(sys.argv[1], announce=None)]
fitted = model.fit(x, y, batch_size=16, epochs=2, validation_data=(x, y), verbose=0,
                   callbacks=watching)
print(json.dumps(fitted.history))
"""


def python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script with Keras on PyTorch."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"},
    )


def test_losses_are_the_same_and_recorded(tmp_path: Path) -> None:
    """Every number of the history is equal; the run folder holds them too."""
    plain, watched = python(SCRIPT, ""), python(SCRIPT, str(tmp_path))
    assert watched.returncode == 0, watched.stderr
    history = json.loads(plain.stdout.splitlines()[-1])
    assert json.loads(watched.stdout.splitlines()[-1]) == history
    trace, state = read_run(tmp_path)
    assert trace.finished
    assert trace.framework == "keras"
    assert (trace.task, trace.classes) == ("classification", 3)
    assert trace.max_steps == trace.last_step == len(trace.column("step_loss")) == 32
    assert trace.column("eval_loss").values.tolist() == pytest.approx(history["val_loss"])
    assert trace.column("step_loss").values[:16].mean() == pytest.approx(
        history["loss"][0], rel=1e-4
    )
    assert set(trace.columns_under("update_ratio/")) == {
        "sequential.dense",
        "sequential.dense_1",
    }
    assert state is not None
    assert all(tensor.moved for tensor in state.tensors if tensor.trainable)
    assert "broken" not in (tmp_path / "events.jsonl").read_text()


def test_another_backend_is_refused_in_a_sentence() -> None:
    """Without PyTorch below there is nothing that could be looked at."""
    refused = python(
        "import keras; keras.config.backend = lambda: 'jax'; import tunewell; tunewell.KerasWatch()"
    )
    assert refused.returncode != 0
    assert "KerasWatch needs the PyTorch backend" in refused.stderr
