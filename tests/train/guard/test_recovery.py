"""Losses and weights that go wrong, and a run that ends as if they had not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.train.guard import tiny
from transformers import BertForSequenceClassification, Trainer

from tunewell.core.errors import SettingsError
from tunewell.core.finding import Severity
from tunewell.engine.examine import examine
from tunewell.readers.logs import read_trace
from tunewell.train.guard.guard import Guard


def regression(dropout: float = 0.0) -> Any:  # noqa: ANN401
    """A model of one number."""
    config = tiny.classifier(dropout).config
    config.num_labels, config.problem_type = 1, "regression"
    torch.manual_seed(0)
    return BertForSequenceClassification(config)


def number_rows(*poisoned: int) -> list[dict[str, Any]]:
    """Rows whose number is their first token; that of some is not finite."""
    rows = tiny.class_rows()
    return [
        {
            "input_ids": row["input_ids"],
            "labels": float("nan") if place in poisoned else float(row["input_ids"][0]) / 50,
        }
        for place, row in enumerate(rows)
    ]


def often(guard: Guard, every: int = 5) -> Guard:
    """A guard that copies the state often, whatever it costs."""
    guard.every, guard.share = every, 1.0
    return guard


def without_update(*steps: int) -> tiny.BeforeUpdate:
    """Takes no update at some steps: what leaving them out must come to."""

    def drop(step: int, model: Any) -> None:  # noqa: ANN401
        if step in steps:
            model.zero_grad(set_to_none=True)

    return tiny.BeforeUpdate(drop)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_row_that_is_not_finite_is_left_out(tmp_path: Path, accumulation: int) -> None:
    """The run ends as one that did not take that update; the row is named."""
    settings = {"max_steps": 12 // accumulation, "gradient_accumulation_steps": accumulation}
    guard = tiny.silent(not_finite="skip")
    poisoned = tiny.trainer_of(tmp_path, regression(0.1), number_rows(40), **settings)
    tiny.trained(poisoned, guard)
    (done,) = guard.interventions
    assert done.kind == "skip"
    assert "a loss of nan" in done.text
    assert f"1 of its {8 * accumulation} rows cause it: row" in done.text
    plain = tiny.trained(
        tiny.trainer_of(
            tmp_path / "plain",
            regression(0.1),
            number_rows(),
            without_update(done.step),
            **settings,
        )
    )
    assert bool((tiny.weights(plain) == tiny.weights(poisoned)).all())
    assert tiny.losses(plain)[done.step :] == tiny.losses(poisoned)[done.step :]
    assert tiny.losses(plain, "learning_rate") == tiny.losses(poisoned, "learning_rate")
    assert read_trace(tmp_path).interventions == guard.interventions


def test_without_the_guard_that_row_destroys_the_model(tmp_path: Path) -> None:
    """The fault is real: unguarded, or not asked, every weight ends as NaN."""
    for guard in (None, tiny.silent(out_of_memory=True)):
        trainer = tiny.trained(tiny.trainer_of(tmp_path, regression(), number_rows(40)), guard)
        assert not bool(torch.isfinite(tiny.weights(trainer)).any())


def test_a_first_step_left_out_proves_nothing_of_what_moves(tmp_path: Path) -> None:
    """The watcher's step-one proof is made by the next step."""
    trainer = tiny.trainer_of(tmp_path, regression(), number_rows(*range(96)))
    first = {tuple(ids.tolist()) for ids in next(iter(trainer.get_train_dataloader()))["input_ids"]}
    assert len(first) == 8
    rows = number_rows()
    torch.manual_seed(trainer.args.seed)
    wanted = next(iter(trainer.get_train_dataloader()))["input_ids"][0].numpy()
    poisoned = [p for p, row in enumerate(rows) if np.array_equal(row["input_ids"], wanted)]
    guard = tiny.silent(not_finite="skip")
    trainer = tiny.trainer_of(tmp_path / "run", regression(), number_rows(*poisoned))
    tiny.trained(trainer, guard)
    assert guard.interventions[0].step == 1
    from tunewell.engine.examine import examine
    from tunewell.readers.logs import read_run

    trace, state = read_run(tmp_path / "run")
    assert state is not None
    assert all(tensor.moved for tensor in state.tensors if tensor.in_optimizer)
    assert "FIT005" not in {finding.code for finding in examine([trace, state]).findings}


@pytest.mark.parametrize("at", [2, 7, 12])
def test_weights_that_were_poisoned_are_those_of_before(tmp_path: Path, at: int) -> None:
    """Something else wrote NaN into them: the run ends bit for bit as if nobody had."""

    def poison(model: Any, **_: Any) -> None:  # noqa: ANN401
        with torch.no_grad():
            next(model.parameters()).view(-1)[5] = float("nan")

    settings = {"gradient_accumulation_steps": 2}
    plain = tiny.trained(
        tiny.trainer_of(tmp_path / "a", tiny.language_model(0.1), tiny.language_rows(), **settings)
    )
    guard = often(tiny.silent(not_finite="skip"))
    harmed = tiny.trainer_of(
        tmp_path / "b",
        tiny.language_model(0.1),
        tiny.language_rows(),
        tiny.Broke(poison, at),
        **settings,
    )
    tiny.trained(harmed, guard)
    assert tiny.kinds(guard) == ["back"]
    assert "the cause lies outside of them" in guard.interventions[0].text
    assert bool((tiny.weights(plain) == tiny.weights(harmed)).all())
    assert tiny.losses(plain)[at:] == tiny.losses(harmed)[at:]
    assert tiny.losses(plain, "learning_rate") == tiny.losses(harmed, "learning_rate")


class Jump(torch.optim.AdamW):
    """An optimizer whose update is infinite for one batch, whenever it comes to it."""

    def __init__(self, parameters: Any, mark: float) -> None:  # noqa: ANN401
        super().__init__(parameters, lr=1e-2)
        self.mark = mark
        self.sizes: list[float] = []

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:  # noqa: ANN401
        """One update."""
        parameters = [p for p in self.param_groups[0]["params"] if p.grad is not None]
        self.sizes.append(float(sum(p.grad.double().abs().sum() for p in parameters)))
        super().step(closure)
        if self.sizes[-1] == self.mark:
            parameters[0].view(-1)[0] = float("inf")


def test_an_update_that_breaks_the_weights_again_is_left_out(tmp_path: Path) -> None:
    """Computed again it does the same, so the step is known and left out."""

    def built(mark: float, *callbacks: Any) -> tuple[Any, Jump]:  # noqa: ANN401
        model = regression()
        optimizer = Jump(model.parameters(), mark)
        return tiny.trainer_of(
            tmp_path, model, number_rows(), *callbacks, optimizer=optimizer
        ), optimizer

    first, watched = built(-1.0)
    tiny.trained(first)
    plain = tiny.trained(built(-1.0, without_update(7))[0])
    guard = often(tiny.silent(not_finite="skip"), every=4)
    harmed, again = built(watched.sizes[6])
    tiny.trained(harmed, guard)
    assert again.sizes.count(watched.sizes[6]) == 2, "once, and once more to find it"
    assert tiny.kinds(guard) == ["back", "skip"]
    assert "step 7" in guard.interventions[1].text
    assert bool((tiny.weights(plain) == tiny.weights(harmed)).all())


def bump(optimizer: Any, **_: Any) -> None:  # noqa: ANN401
    """A learning rate that someone set far too high for one step."""
    for group in optimizer.param_groups:
        group["lr"] = 3.0


LONG: dict[str, Any] = {"max_steps": 60, "learning_rate": 3e-3, "logging_steps": 1}


def test_a_spike_from_outside_does_not_come_back(tmp_path: Path) -> None:
    """The run ends bit for bit as without it."""
    plain = tiny.trained(
        tiny.trainer_of(tmp_path / "a", tiny.language_model(), tiny.language_rows(), **LONG)
    )
    guard = often(tiny.silent(spike="skip"))
    trainer = tiny.trainer_of(
        tmp_path / "b",
        tiny.language_model(),
        tiny.language_rows(),
        tiny.Broke(bump, 40),
        **LONG,
    )
    tiny.trained(trainer, guard)
    assert tiny.kinds(guard) == ["back"]
    (done,) = guard.interventions
    assert done.step == 45
    assert "the rise did not come back" in done.text
    assert bool((tiny.weights(plain) == tiny.weights(trainer)).all())
    assert tiny.losses(plain)[45:] == tiny.losses(trainer)[45:]


def test_the_spike_is_real(tmp_path: Path) -> None:
    """Unguarded it costs the run: the last loss is far above the undisturbed one's."""
    last = []
    for steps in ((), (40,)):
        trainer = tiny.trainer_of(
            tmp_path, tiny.language_model(), tiny.language_rows(), tiny.Broke(bump, *steps), **LONG
        )
        last.append(tiny.losses(tiny.trained(trainer))[-1])
    assert last[1] > 1.3 * last[0]


def test_a_spike_with_a_lower_rate(tmp_path: Path) -> None:
    """The learning rate is halved from there on, and logged so."""
    guard = often(tiny.silent(spike="lower-rate"))
    trainer = tiny.trainer_of(
        tmp_path, tiny.language_model(), tiny.language_rows(), tiny.Broke(bump, 40), **LONG
    )
    tiny.trained(trainer, guard)
    assert tiny.kinds(guard) == ["back", "lower-rate"]
    rates = np.array(tiny.losses(trainer, "learning_rate"))
    planned = 3e-3 * (1 - np.arange(60) / 60)
    # The rate of a step is logged before the guard looks at the end of it.
    np.testing.assert_allclose(rates[45:], planned[45:] / 2, rtol=1e-9)
    np.testing.assert_allclose(rates[:39], planned[:39], rtol=1e-9)


class Poisonous(Trainer):
    """One batch whose gradient is huge whenever it is computed, with plain SGD and no clipping."""

    mark: Any = None
    scale = 1.0

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **named: Any) -> Any:  # noqa: ANN401, D102
        loss = super().compute_loss(model, inputs, *args, **named)
        same = np.array_equal(inputs["input_ids"].numpy(), self.mark)
        return loss * self.scale if same and torch.is_grad_enabled() else loss


def poisonous(out: Path, scale: float) -> Any:  # noqa: ANN401
    """A run whose 40th batch has a gradient `scale` times too large."""
    model = tiny.language_model()
    trainer = tiny.trainer_of(
        out,
        model,
        tiny.language_rows(512),
        kind=Poisonous,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.3),
        **{**LONG, "max_grad_norm": 0.0},
    )
    torch.manual_seed(trainer.args.seed)
    trainer.mark = list(trainer.get_train_dataloader())[39]["input_ids"].numpy()
    trainer.scale = scale
    return trainer


@pytest.mark.parametrize("scale", [200.0, 3000.0])
def test_a_batch_that_harms_the_weights_is_left_out(tmp_path: Path, scale: float) -> None:
    """Its loss shows it only afterwards: high or, with a larger scale, in no number at all."""
    plain = tiny.trained(poisonous(tmp_path / "a", 1.0))
    alone = tiny.trained(poisonous(tmp_path / "b", scale))
    guard = often(tiny.silent(spike="skip", not_finite="skip"))
    trainer = tiny.trained(poisonous(tmp_path / "c", scale), guard)
    assert tiny.kinds(guard) == ["back", "skip"], guard.interventions
    assert "the rise came back" in guard.interventions[0].text
    end = np.mean(tiny.losses(plain)[-5:])
    assert np.mean(tiny.losses(trainer)[-5:]) < 1.1 * end
    last = tiny.losses(alone)[-5:]
    assert np.mean(last) > 1.3 * end or last == [0.0] * 5, "unguarded it is lost"


def test_harder_rows_are_no_spike(tmp_path: Path) -> None:
    """From the middle on the data is noise: the older weights do no better, so nothing is done."""
    easy, hard = tiny.language_rows(240), tiny.language_rows(240, seed=1)
    for row in hard:
        row["labels"] = np.random.default_rng(int(row["input_ids"][0])).integers(0, 50, 12)

    class InOrder(Trainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:  # noqa: ANN401, ARG002
            return torch.utils.data.SequentialSampler(self.train_dataset)

    made = []
    for guard in (None, often(Guard(announce=None))):
        trainer = tiny.trainer_of(
            tmp_path, tiny.language_model(0.1), easy + hard, kind=InOrder, **LONG
        )
        made.append(tiny.trained(trainer, guard))
        if guard is not None:
            assert not guard.interventions
    plain, guarded = made
    losses = tiny.losses(plain)
    assert min(losses[31:36]) > max(losses[20:30]), "the rise is there"
    assert tiny.losses(plain) == tiny.losses(guarded)


def test_a_loss_that_is_never_finite_ends_the_run(tmp_path: Path) -> None:
    """Three steps in a row: no batch is to blame, and the model is as it was."""
    guard = tiny.silent(not_finite="skip")
    model = regression()
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    trainer = tiny.trainer_of(tmp_path, model, number_rows(*range(96)))
    tiny.trained(trainer, guard)
    assert trainer.state.global_step == 3
    assert tiny.kinds(guard) == ["skip", "skip", "stop"]
    assert "3 such steps in a row" in guard.interventions[-1].text
    assert bool((tiny.weights(trainer) == before).all())


@pytest.mark.parametrize("remedy", ["stop", "lower-rate"])
def test_other_remedies_for_a_row(tmp_path: Path, remedy: Any) -> None:  # noqa: ANN401
    """Stop at once, or leave the step out and learn more slowly."""
    guard = often(tiny.silent(not_finite=remedy))
    trainer = tiny.trainer_of(tmp_path, regression(), number_rows(40))
    tiny.trained(trainer, guard)
    at = guard.interventions[0].step
    assert bool(torch.isfinite(tiny.weights(trainer)).all())
    if remedy == "stop":
        assert tiny.kinds(guard) == ["stop"]
        assert trainer.state.global_step == at
    else:
        assert tiny.kinds(guard) == ["skip", "lower-rate"]
        rates = np.array(tiny.losses(trainer, "learning_rate"))
        np.testing.assert_allclose(rates[at:], 1e-2 * (1 - np.arange(12) / 12)[at:] / 2)


def test_too_many_interventions_end_the_run(tmp_path: Path) -> None:
    """After `most` of them it stops, and says how many there were."""

    def poison(model: Any, **_: Any) -> None:  # noqa: ANN401
        with torch.no_grad():
            next(model.parameters()).view(-1)[5] = float("nan")

    guard = often(tiny.silent(not_finite="skip", most=2))
    trainer = tiny.trainer_of(
        tmp_path,
        tiny.language_model(),
        tiny.language_rows(),
        tiny.Broke(poison, 3, 5, 7, 9),
    )
    tiny.trained(trainer, guard)
    assert tiny.kinds(guard) == ["back", "back", "stop"]
    assert "after 2 interventions that did not last" in guard.interventions[-1].text
    assert trainer.state.global_step == 7
    assert bool(torch.isfinite(tiny.weights(trainer)).all())


def test_unknown_remedies_are_refused() -> None:
    """In one sentence."""
    with pytest.raises(SettingsError, match="not_finite 'ignore' is none of skip"):
        Guard(not_finite="ignore")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="overfitting 0"):
        Guard(overfitting=0)


def test_a_batch_that_was_left_out_is_information(tmp_path: Path) -> None:
    """FIT004 of a guarded run, and of one whose guard only lets it go on."""
    for folder, remedy, severity in (
        ("skip", "skip", Severity.INFO),
        ("none", None, Severity.ERROR),
    ):
        trainer = tiny.trainer_of(tmp_path / folder, regression(), number_rows(40), max_steps=12)
        tiny.trained(trainer, tiny.silent(not_finite=remedy))
        found = {f.code: f for f in examine([read_trace(tmp_path / folder)]).findings}
        assert found["FIT004"].severity is severity, found["FIT004"].message
