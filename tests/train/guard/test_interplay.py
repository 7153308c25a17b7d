"""Guard, and what else goes on in a run: fp16's scaler, resuming, TRL, LoRA, other callbacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.train.guard import tiny

from tunewell.core.errors import UserError
from tunewell.readers.logs import read_trace
from tunewell.train.guard.guard import Guard
from tunewell.train.guard.losses import LEAST, StepLosses
from tunewell.train.quiet import quiet
from tunewell.train.watch import Watch


def poison(model: Any, **_: Any) -> None:  # noqa: ANN401
    """Write NaN into one weight."""
    with torch.no_grad():
        next(p for p in model.parameters() if p.requires_grad).view(-1)[5] = float("nan")


def test_overflows_of_the_scaler_are_its_own(tmp_path: Path) -> None:
    """It begins with a scale that overflows, skips, halves it: the guard has nothing to add."""
    made = []
    for guard in (None, Guard(announce=None)):
        trainer = tiny.trainer_of(
            tmp_path, tiny.language_model(), tiny.language_rows(), max_grad_norm=0.0
        )
        trainer.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
        tiny.trained(trainer, guard)
        made.append(trainer)
        if guard is not None:
            assert not guard.interventions
    plain, guarded = made
    assert plain.accelerator.scaler.get_scale() < 2.0**127, "it did overflow"
    assert tiny.losses(plain) == tiny.losses(guarded)
    assert bool((tiny.weights(plain) == tiny.weights(guarded)).all())


def test_the_scale_is_that_of_before_too(tmp_path: Path) -> None:
    """Going back brings the scaler's state back: the run ends bit for bit as undisturbed."""
    made = []
    for steps in ((), (7,)):
        guard = tiny.silent(not_finite="skip")
        trainer = tiny.trainer_of(
            tmp_path,
            tiny.language_model(),
            tiny.language_rows(),
            tiny.Broke(poison, *steps),
            max_grad_norm=0.0,
        )
        trainer.accelerator.scaler = torch.amp.GradScaler(
            "cpu", init_scale=2.0**20, growth_interval=3
        )
        made.append((tiny.trained(trainer, guard), guard))
    (plain, _), (harmed, guard) = made
    assert tiny.kinds(guard) == ["back"]
    assert plain.accelerator.scaler.get_scale() == harmed.accelerator.scaler.get_scale()
    assert bool((tiny.weights(plain) == tiny.weights(harmed)).all())


def test_resuming_under_guard(tmp_path: Path) -> None:
    """A run resumed from a checkpoint, then harmed, ends as one that was neither."""
    settings: dict[str, Any] = {"save_strategy": "steps", "save_steps": 5, "save_total_limit": 3}
    plain = tiny.trained(
        tiny.trainer_of(tmp_path / "a", tiny.language_model(0.1), tiny.language_rows(), **settings)
    )
    guard = tiny.silent(not_finite="skip", out_of_memory=True)
    memory = tiny.Memory(4, "backward", since=10)
    resumed = tiny.trainer_of(
        tmp_path / "b",
        memory.limits(tiny.language_model(0.0)),
        tiny.language_rows(),
        tiny.Broke(poison, 8),
        memory.clock,
        **settings,
    )
    without_dropout = tiny.trained(
        tiny.trainer_of(tmp_path / "c", tiny.language_model(), tiny.language_rows(), **settings)
    )
    assert tiny.losses(plain) != tiny.losses(without_dropout)
    tiny.trained(resumed, guard, resume_from_checkpoint=str(tmp_path / "c" / "checkpoint-5"))
    assert tiny.kinds(guard) == ["back", "smaller-batch"]
    assert [done.step for done in guard.interventions] == [8, 10]
    np.testing.assert_allclose(
        tiny.losses(resumed)[-2:], tiny.losses(without_dropout)[-2:], rtol=1e-5
    )
    np.testing.assert_allclose(
        tiny.weights(resumed), tiny.weights(without_dropout), rtol=0, atol=1e-4
    )


def test_trl_with_lora(tmp_path: Path) -> None:
    """Tuning an adapter: memory ends, weights are poisoned, losses are the same."""
    peft, trl = pytest.importorskip("peft"), pytest.importorskip("trl")
    rows = [
        {name: row[name][: int(row["attention_mask"].sum())].tolist() for name in ("input_ids",)}
        for row in tiny.language_rows()
    ]
    datasets = pytest.importorskip("datasets")
    tokenizer = tiny.tokenizer()

    def built(memory: tiny.Memory, *steps: int) -> Any:  # noqa: ANN401
        return trl.SFTTrainer(
            model=memory.limits(tiny.language_model()),
            args=trl.SFTConfig(
                output_dir=str(tmp_path),
                max_steps=10,
                per_device_train_batch_size=8,
                gradient_accumulation_steps=2,
                learning_rate=1e-2,
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                dataloader_pin_memory=False,
                max_length=12,
            ),
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=tokenizer,
            peft_config=peft.LoraConfig(target_modules=["c_attn"], task_type="CAUSAL_LM"),
            callbacks=[memory.clock, tiny.Broke(poison, *steps)],
        )

    with quiet(1):
        first, second = built(tiny.Memory(100)), built(tiny.Memory(3, since=3), 6)
    plain = tiny.trained(first)
    guard = tiny.silent(out_of_memory=True, not_finite="skip")
    short = tiny.trained(second, guard)
    assert tiny.kinds(guard) == ["smaller-batch", "smaller-batch", "back"], guard.interventions
    np.testing.assert_allclose(tiny.losses(short)[6:], tiny.losses(plain)[6:], rtol=2e-5)
    np.testing.assert_allclose(
        tiny.losses(short, "num_tokens"), tiny.losses(plain, "num_tokens"), rtol=1e-9
    )


def test_preference_training_is_not_cut(tmp_path: Path) -> None:
    """TRL's DPO puts chosen and rejected rows in one tensor: parts would pair them wrongly."""
    trl, datasets = pytest.importorskip("trl"), pytest.importorskip("datasets")
    rows = [{"prompt": "a b", "chosen": " c d e", "rejected": " f g"} for _ in range(16)]
    memory = tiny.Memory(3)
    with quiet(1):
        trainer = trl.DPOTrainer(
            model=memory.limits(tiny.language_model()),
            ref_model=tiny.language_model(),
            args=trl.DPOConfig(
                output_dir=str(tmp_path),
                max_steps=3,
                per_device_train_batch_size=4,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                dataloader_pin_memory=False,
            ),
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=tiny.tokenizer(),
        )
    guard = tiny.silent(out_of_memory=True)
    with pytest.raises(torch.OutOfMemoryError) as caught:
        tiny.trained(trainer, guard)
    assert tiny.kinds(guard) == ["stop"]
    assert "no mean or sum over its rows" in caught.value.__notes__[0]


def test_a_watch_of_the_users_own_is_used(tmp_path: Path) -> None:
    """Its folder gets the events, it is told of as its own, and it stays where it is."""
    said: list[str] = []
    watch = Watch(tmp_path / "seen", announce=None)
    memory = tiny.Memory(4)
    trainer = tiny.trainer_of(
        tmp_path, memory.limits(tiny.language_model()), tiny.language_rows(), watch
    )
    guard = tiny.silent(out_of_memory=True, announce=said.append)
    tiny.trained(trainer, guard)
    assert [done.kind for done in read_trace(tmp_path / "seen").interventions] == ["smaller-batch"]
    assert len(said) == 1
    assert said[0].startswith("step 1: smaller-batch: out of memory with 8 rows at once")
    assert watch in trainer.callback_handler.callbacks
    assert len([c for c in trainer.callback_handler.callbacks if isinstance(c, Watch)]) == 1


def test_a_trainer_trains_twice(tmp_path: Path) -> None:
    """The guard lets go of it, and takes it up again."""
    guard = tiny.silent(not_finite="skip", out_of_memory=True)
    trainer = tiny.trainer_of(tmp_path, tiny.language_model(), tiny.language_rows())
    own = list(trainer.callback_handler.callbacks)
    tiny.trained(trainer, guard)
    assert trainer.callback_handler.callbacks == own
    tiny.trained(trainer, guard)
    tiny.trained(trainer)
    assert trainer.state.global_step == 12


def test_what_cannot_be_guarded_is_refused(tmp_path: Path) -> None:
    """With the reason, before anything is trained."""
    trainer = tiny.trainer_of(tmp_path, tiny.language_model(), tiny.language_rows())
    trainer.args.optim = "adalomo"
    with pytest.raises(UserError, match="adalomo changes weights while gradients are computed"):
        tiny.silent().train(trainer)


def test_one_high_loss_is_no_rise() -> None:
    """Nor are four, nor a trend; five in a row are, whatever the run's own scale."""
    for scale in (1e-3, 1.0, 1e3):
        generator = np.random.default_rng(0)
        losses = StepLosses()
        usual = scale * (2 - np.linspace(0, 1, 200) + 0.05 * generator.standard_normal(200))
        assert not any(losses.add(step, float(loss)) for step, loss in enumerate(usual))
        high = [losses.add(200 + place, 3 * scale) for place in range(4)]
        assert not any(high)
        assert not losses.quiet
        assert not losses.add(204, float(usual[-1]))
        assert losses.quiet
        assert [losses.add(205 + place, 3 * scale) for place in range(5)] == [False] * 4 + [True]
        assert losses.high[0][0] == 205
    early = StepLosses()
    assert not any(early.add(step, 10.0**step) for step in range(LEAST))


def test_the_document_of_the_run_and_of_its_diagnosis(tmp_path: Path) -> None:
    """Both have a section of what was done; that of a run left alone has none."""
    import tunewell

    for name, rows in (("short", 4), ("enough", 100)):
        trainer = tiny.trainer_of(
            tmp_path / name, tiny.Memory(rows).limits(tiny.language_model()), tiny.language_rows()
        )
        tiny.trained(trainer, tiny.silent(out_of_memory=True))
        watched = json.loads((tmp_path / name / "tunewell" / "document.json").read_text())
        diagnosed = tunewell.diagnose(tmp_path / name)
        for found in (
            [part["id"] for part in watched["sections"]],
            [part.id for part in diagnosed.sections],
        ):
            assert found.count("interventions") == (name == "short")
