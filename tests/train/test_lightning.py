"""A Lightning Trainer, watched."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train import loops

from tunewell.readers.logs import read_run

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("lightning") is None, reason="needs Lightning"),
    pytest.mark.filterwarnings("ignore"),  # Lightning's and its libraries' own
]


def train(root: Path, *callbacks: Any, fails: bool = False, **settings: Any) -> list[float]:  # noqa: ANN401
    """Fit a small module and return the losses of its micro-batches."""
    import lightning
    import torch
    from torch.nn.functional import cross_entropy

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = loops.model()
            self.losses: list[float] = []

        def training_step(self, batch: Any, number: int) -> Any:  # noqa: ANN401
            loss = cross_entropy(self.net(batch[0]), batch[1])
            self.log("train_loss", loss)
            self.losses.append(loss.item())
            if fails and number == 3:
                message = "the user's own"
                raise ValueError(message)
            return loss

        def validation_step(self, batch: Any, number: int) -> None:  # noqa: ANN401, ARG002
            self.log("val_loss", cross_entropy(self.net(batch[0]), batch[1]))

        def configure_optimizers(self) -> Any:  # noqa: ANN401
            return torch.optim.AdamW(self.parameters(), lr=1e-2)

    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(*loops.data()), batch_size=16
    )
    module = Module()
    trainer = lightning.Trainer(
        **{"max_epochs": 2, "accelerator": "cpu", "log_every_n_steps": 4, **settings},
        default_root_dir=root,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        callbacks=list(callbacks),
    )
    trainer.fit(module, loader, loader)
    return module.losses


@pytest.mark.parametrize("accumulate", [1, 2])
def test_losses_are_the_same_and_all_recorded(tmp_path: Path, accumulate: int) -> None:
    """Bit for bit; evaluation, rate and layers are there under the names of the Trainer."""
    from tunewell.train.lightning import LightningWatch

    plain = train(tmp_path / "plain", accumulate_grad_batches=accumulate)
    watch = LightningWatch(tmp_path / "run", announce=None)
    watched = train(tmp_path / "watched", watch, accumulate_grad_batches=accumulate)
    assert plain == watched
    trace, state = read_run(tmp_path / "run")
    assert trace.finished
    assert trace.framework == "lightning"
    assert trace.max_steps == trace.last_step == 32 // accumulate
    np.testing.assert_allclose(
        trace.column("step_loss").values, loops.means(plain, accumulate), rtol=1e-6
    )
    assert trace.column("eval_loss").steps.tolist() == [16 // accumulate, 32 // accumulate]
    assert set(trace.column("learning_rate").values) == {0.01}
    assert trace.settings["gradient_accumulation_steps"] == accumulate
    assert state is not None
    assert all(tensor.moved for tensor in state.tensors)
    assert "broken" not in (tmp_path / "run" / "events.jsonl").read_text()


def test_an_error_ends_the_run(tmp_path: Path) -> None:
    """It passes through, and the run folder names it."""
    from tunewell.train.lightning import LightningWatch

    with pytest.raises(ValueError, match="own"):
        train(tmp_path, LightningWatch(tmp_path / "run", announce=None), fails=True)
    assert '"reason": "ValueError"' in (tmp_path / "run" / "events.jsonl").read_text()


def test_a_finding_stops_the_run(tmp_path: Path) -> None:
    """A check of the user's choice, at a learning rate that destroys the model."""
    from tunewell.train.lightning import LightningWatch

    said: list[str] = []
    watch = LightningWatch(tmp_path / "run", every=4, stop_on=("FIT004",), announce=said.append)

    import lightning

    class Poison(lightning.Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, number: int) -> None:  # noqa: ANN401, ARG002
            import torch

            if trainer.global_step == 8:
                with torch.no_grad():
                    next(iter(module.parameters())).fill_(float("nan"))

    losses = train(tmp_path, watch, Poison(), max_epochs=20)
    assert len(losses) < 100
    assert any("stopped by FIT004" in line for line in said)
