"""What lies in an output folder, by real checkpoints and by their names."""

from __future__ import annotations

import json
from pathlib import Path

from tunewell.readers.output_folder import read_output_folder, read_saved_step


def save(folder: Path, *names: str, state: object = None) -> Path:
    """A checkpoint folder with empty files of these names."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    if state is not None:
        (folder / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    return folder


def test_checkpoints_come_in_the_order_of_their_steps(tmp_path: Path) -> None:
    save(tmp_path / "checkpoint-100", "model.safetensors", "optimizer.pt", "scheduler.pt")
    save(tmp_path / "checkpoint-20", "adapter_model.safetensors", state={"global_step": 20})
    save(tmp_path / "runs", "events.out")
    found = read_output_folder(tmp_path)
    assert [saved.step for saved in found.checkpoints] == [20, 100]
    assert [saved.holds for saved in found.checkpoints] == ["adapter", "model"]
    assert [saved.optimizer_kept for saved in found.checkpoints] == [False, True]
    assert [saved.scheduler_kept for saved in found.checkpoints] == [False, True]


def test_the_state_tells_how_far_it_was(tmp_path: Path) -> None:
    half = save(
        tmp_path / "half", "x", state={"global_step": 5, "max_steps": 9, "loss": float("nan")}
    )
    whole = save(tmp_path / "whole", state={"global_step": 9, "max_steps": 9})
    found = read_output_folder(tmp_path / "none", model=half, resumed=whole)
    assert found.checkpoints == ()
    assert found.starting_model is not None
    assert (found.starting_model.step, found.starting_model.of_steps) == (5, 9)
    assert not found.starting_model.finished
    assert found.starting_model.holds == "nothing"
    assert found.resumed is not None
    assert found.resumed.finished


def test_sharded_states_are_known(tmp_path: Path) -> None:
    deepspeed = save(tmp_path / "checkpoint-1", "zero_to_fp32.py")
    (deepspeed / "global_step1").mkdir()
    fsdp = save(tmp_path / "checkpoint-2", "scheduler.pt")
    (fsdp / "optimizer_0").mkdir()
    (fsdp / "pytorch_model_fsdp_0").mkdir()
    for saved in read_output_folder(tmp_path).checkpoints:
        assert saved.optimizer_kept
        assert saved.scheduler_kept


def test_what_no_trainer_wrote_is_none(tmp_path: Path) -> None:
    assert read_saved_step(save(tmp_path / "model", "model.safetensors")) is None
    assert read_saved_step(tmp_path / "checkpoint-9") is None
    damaged = save(tmp_path / "checkpoint-7")
    (damaged / "trainer_state.json").write_text("{", encoding="utf-8")
    saved = read_saved_step(damaged)
    assert saved is not None
    assert (saved.step, saved.of_steps) == (7, None)
