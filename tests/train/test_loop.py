"""A plain loop, watched."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train import loops

from tunewell.core.errors import SettingsError
from tunewell.readers.logs import read_run

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the training extra"
)


@pytest.mark.parametrize("accumulate", [1, 4])
def test_losses_are_the_same_and_all_recorded(tmp_path: Path, accumulate: int) -> None:
    """Bit for bit, dropout and all; the step's loss is the mean of its micro-batches."""
    plain = loops.train(None, accumulate=accumulate)
    watched = loops.train(tmp_path, accumulate=accumulate, max_steps=32 // accumulate)
    assert plain == watched
    trace, state = read_run(tmp_path)
    assert trace.finished
    assert trace.framework == "torch"
    assert trace.max_steps == trace.last_step == 32 // accumulate
    np.testing.assert_allclose(
        trace.column("step_loss").values, loops.means(plain, accumulate), rtol=1e-6
    )
    assert len(trace.column("eval_loss")) == 2
    assert len(trace.column("evaluation_seconds")) >= 1
    assert set(trace.columns_under("update_ratio/")) == {"0", "3"}
    assert state is not None
    assert all(tensor.moved for tensor in state.tensors)
    assert not trace.column("evaluation_mode").values.any()
    assert "broken" not in (tmp_path / "events.jsonl").read_text()


def test_a_compiled_model_is_watched_from_outside(tmp_path: Path) -> None:
    """As one graph: nothing of the watcher is traced into it."""
    import torch

    def compiled(net: torch.nn.Module) -> object:
        return torch.compile(net, backend="eager", fullgraph=True)

    plain = loops.train(None, wrap=compiled, epochs=1)
    assert plain == loops.train(tmp_path, wrap=compiled, epochs=1)
    trace, _ = read_run(tmp_path)
    np.testing.assert_allclose(trace.column("step_loss").values, plain, rtol=1e-6)
    assert "broken" not in (tmp_path / "events.jsonl").read_text()


def test_a_forgotten_mode_shows(tmp_path: Path) -> None:
    """Evaluation mode from the second epoch on."""
    loops.train(tmp_path, forget_mode=True)
    mode = read_run(tmp_path)[0].column("evaluation_mode").values
    assert not mode[:16].any()
    assert mode[16:].all()


def test_scaled_losses_are_recorded_unscaled(tmp_path: Path) -> None:
    """With the scaler of fp16 the loss that is differentiated is 1024 times too large."""
    import torch
    from torch.nn.functional import cross_entropy

    from tunewell.train.loop import watch

    features, labels = loops.data(64)
    net = loops.model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    losses = []
    with watch(net, optimizer, tmp_path, scaler=scaler, announce=None):
        for _ in range(5):
            optimizer.zero_grad()
            loss: Any = cross_entropy(net(features), labels)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            losses.append(loss.item())
    trace, _ = read_run(tmp_path)
    np.testing.assert_allclose(trace.column("step_loss").values, losses, rtol=1e-6)
    assert trace.column("loss_scale").values.tolist() == [1024.0] * 5


@pytest.mark.parametrize("fused", [False, True])
def test_steps_that_the_scaler_leaves_out_are_counted(tmp_path: Path, *, fused: bool) -> None:
    """A fused optimizer is called for them and does nothing, another one is not called at all."""
    import torch
    from torch.nn.functional import cross_entropy

    from tunewell.train.loop import watch

    features, labels = loops.data(64)
    net = loops.model()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    overflow = [1, 4, 5]
    with watch(net, optimizer, tmp_path, scaler=scaler, log_every=1, announce=None) as run:
        for step in range(1, 9):
            optimizer.zero_grad()
            loss: Any = cross_entropy(net(features), labels)
            loss = loss * float("inf") if step in overflow else loss
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            assert run.step == step
    assert "step" not in vars(scaler)
    trace, state = read_run(tmp_path)
    skipped = trace.column("skipped")
    assert skipped.steps[skipped.values > 0].tolist() == overflow
    assert len(skipped) == 8
    assert trace.column("loss_scale").values.tolist() == [1024, *[512] * 3, 256, *[128] * 3]
    assert state is not None
    assert all(tensor.moved for tensor in state.tensors)
    assert "broken" not in (tmp_path / "events.jsonl").read_text()


def test_a_short_run_has_looks_into_its_layers(tmp_path: Path) -> None:
    """However short it is, the first ones cost no share of it."""
    loops.train(tmp_path, epochs=4)
    looks = read_run(tmp_path)[0].column("update_ratio/0").steps
    assert len(looks) >= 10
    assert looks[-1] > 40


def test_classes_are_counted_where_they_are_told(tmp_path: Path) -> None:
    """The model has no configuration that says them."""
    loops.train(tmp_path, classes=3)
    trace, _ = read_run(tmp_path)
    assert (trace.classes, trace.task) == (3, "classification")
    share = trace.column("predicted_top_share")
    assert len(share)
    assert (share.values >= 1 / 3).all()
    assert len(trace.column("eval_predicted_top_share"))


def test_an_error_ends_the_run_and_passes_through(tmp_path: Path) -> None:
    """The folder says with what; the hooks are gone."""
    import torch

    from tunewell.train.loop import watch
    from tunewell.train.observer import backward

    net = loops.model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    # A training that another test gave up may still listen.
    others = len(backward._LISTENERS)

    def train() -> None:
        with watch(net, optimizer, tmp_path, announce=None):
            assert len(backward._LISTENERS) == others + 1
            net(loops.data(16)[0]).sum().backward()
            optimizer.step()
            1 / 0  # noqa: B018  the user's own error

    with pytest.raises(ZeroDivisionError):
        train()
    assert len(backward._LISTENERS) == others
    assert others or torch.Tensor.backward is backward._ORIGINAL
    assert not net._forward_hooks
    trace, _ = read_run(tmp_path)
    assert not trace.finished
    assert '"reason": "ZeroDivisionError"' in (tmp_path / "events.jsonl").read_text()


def test_an_unknown_check_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    """A misspelt code would never stop anything."""
    with pytest.raises(SettingsError, match="FIT999"):
        loops.train(tmp_path, stop_on=("FIT999",))


def test_another_models_losses_are_not_taken_for_this_ones(tmp_path: Path) -> None:
    """Two trainings in one process, as where the first one was given up."""
    import torch

    from tunewell.train.loop import watch

    net = loops.model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with watch(net, optimizer, tmp_path, announce=None):
        loops.train(None, epochs=1)
        net(loops.data(16)[0]).square().mean().backward()
        optimizer.step()
    assert len(read_run(tmp_path)[0].column("step_loss")) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_recorded(tmp_path: Path) -> None:
    """Resident bytes of this process: more than the interpreter, less than the machine."""
    loops.train(tmp_path)
    held = read_run(tmp_path)[0].column("process_bytes").values
    assert (held > 50e6).all()
    assert (held < 50e9).all()


def test_the_optimizer_of_accelerate_is_seen_through(tmp_path: Path) -> None:
    """It wraps the one that steps and has no hooks of its own."""
    import torch
    from accelerate import Accelerator

    from tunewell.train.loop import watch

    accelerator = Accelerator(cpu=True)
    net = loops.model()
    net, optimizer = accelerator.prepare(net, torch.optim.SGD(net.parameters(), lr=0.1))
    said: list[str] = []
    with watch(net, optimizer, tmp_path, announce=said.append):
        for _ in range(3):
            accelerator.backward(net(loops.data(16)[0]).square().mean())
            optimizer.step()
            optimizer.zero_grad()
    assert said == []
    assert read_run(tmp_path)[0].column("step_loss").steps.tolist() == [1, 2, 3]


def test_a_watcher_that_fails_says_so_once(tmp_path: Path) -> None:
    """Nobody must believe that a run is watched that is not."""
    from tunewell.train.loop import watch

    net = loops.model()
    said: list[str] = []
    with watch(net, "no optimizer", tmp_path, announce=said.append):  # type: ignore[arg-type]
        net(loops.data(16)[0]).square().mean().backward()
    (line,) = said
    assert line.startswith("the watcher failed in start (AttributeError")
    assert line.endswith("training goes on, and not all of it is watched")
