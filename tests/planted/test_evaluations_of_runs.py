"""Faults of a run's own evaluations, planted by really training with transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.planted.measuring import Watched, said, trained, watch
from tests.preflight import live, tiny
from tests.preflight import other_tasks as tasks

from tunewell.core.finding import Severity
from tunewell.readers.logs import read_run

COUNT = 64


def learnable(count: int = COUNT, *, shares: tuple[int, ...] = (1, 1, 1)) -> list[dict[str, Any]]:
    """Sentences whose first word tells their class, so many of each class in turn."""
    tokens = tiny.tokenizer()
    order = [label for label, often in enumerate(shares) for _ in range(often)]
    return [
        {**tokens(f"{tiny.WORDS[order[at % len(order)]]} {text}"), "labels": order[at % len(order)]}
        for at, text in enumerate(tiny.sentences(count))
    ]


def classifier(out: Path, **settings: Any) -> Any:
    """A BERT that learns its classes in some dozen steps, evaluated every four."""
    chosen = {
        "rows": learnable(), "judged": learnable(24), "per_device_train_batch_size": 8,
        "learning_rate": 2e-3, "max_steps": 48, "eval_strategy": "steps", "eval_steps": 4,
        "logging_steps": 2, **settings,
    }  # fmt: skip
    return tasks.classifier(out, **chosen)


def causal(out: Path, *, model: Any = None, **settings: Any) -> Any:
    """A Llama that learns some answers by heart."""
    from transformers import DataCollatorForSeq2Seq

    rows = live.masked_rows(live.question_answer(4))
    chosen = {
        "rows": rows, "judged": rows, "compute_metrics": None, "learning_rate": 1e-2,
        "per_device_train_batch_size": 4, "max_steps": 60, "eval_strategy": "steps",
        "eval_steps": 10, "logging_steps": 1, **settings,
    }  # fmt: skip
    return tasks.classifier(
        out,
        model=model or tiny.causal(),
        collator=DataCollatorForSeq2Seq(tiny.tokenizer()),
        **chosen,
    )


def unlearnable() -> list[dict[str, Any]]:
    """Rows whose labels nothing tells: the better the training set is known, the worse on these."""
    rng = np.random.default_rng(0)
    return [{**row, "labels": int(rng.integers(0, 3))} for row in learnable(24)]


# -- E18: two scales -----------------------------------------------------------------------------


@pytest.mark.reproduces("E18")
def test_a_loss_summed_over_accumulated_batches(tmp_path: Path) -> None:
    """BERT's classifier takes `num_items_in_batch` and does not use it; the Trainer believes it."""
    settings: dict[str, Any] = {"gradient_accumulation_steps": 4, "learning_rate": 1e-4}
    faulty = trained(classifier(tmp_path / "faulty", **settings)).trace()
    (found,) = said([faulty], "MET030")
    assert "and 4 batches are accumulated: it is their sum" in found.message
    assert found.severity is Severity.WARNING
    told = classifier(tmp_path / "healthy", **settings)
    told.model_accepts_loss_kwargs = False
    assert not said([trained(told).trace()], "MET030")


# -- E20: loss and metric ------------------------------------------------------------------------


def macro_recall(prediction: Any) -> dict[str, float]:
    """The mean of the classes' recall."""
    made, given = prediction.predictions.argmax(-1), prediction.label_ids
    recalls = [float((made[given == label] == label).mean()) for label in np.unique(given)]
    return {"balanced_accuracy": float(np.mean(recalls))}


def worded(count: int, seed: int, *, to_first: float | None = None) -> list[dict[str, Any]]:
    """Sentences with one of six words of their class, some labelled as the first class instead.

    So many of them; where none is given more for the later of the six words, so that a model is not
    equally sure of all.
    """
    tokens, rng = tiny.tokenizer(), np.random.default_rng(seed)
    rows = []
    for at, text in enumerate(tiny.sentences(count)):
        nth = int(rng.integers(0, 6))
        word = tiny.WORDS[at % 3 + 3 * nth]
        share = 0.08 * nth if to_first is None else to_first
        label = 0 if rng.random() < share else at % 3
        rows.append({**tokens(f"{word} {word} {text}"), "labels": label})
    return rows


@pytest.mark.reproduces("E20")
def test_the_loss_falls_and_the_metric_gets_worse(tmp_path: Path) -> None:
    """A balanced model is trained on with rows that are nearly all of one class.

    It learns the shares, which the loss rewards, and gives the rare classes up.
    """
    first = classifier(tmp_path / "first", rows=worded(240, 0), max_steps=90, eval_strategy="no")
    tiny.train(first)
    faulty = classifier(
        tmp_path / "faulty", rows=worded(160, 2, to_first=0.9),
        judged=worded(160, 3, to_first=0.9), model=first.model, compute_metrics=macro_recall,
        learning_rate=2e-4, lr_scheduler_type="constant", max_steps=60,
    )  # fmt: skip
    trace = trained(faulty).trace()
    found = said([trace], "MET031")
    assert found, (trace.column("eval_loss").values, trace.column("eval_balanced_accuracy").values)
    assert "the evaluation loss falls and eval_balanced_accuracy gets worse" in found[0].message
    healthy = trained(classifier(tmp_path / "healthy", compute_metrics=macro_recall)).trace()
    assert not said([healthy], "MET031")


# -- E23: tokens that were not moved -------------------------------------------------------------


def tokens_right(prediction: Any, *, ahead: int) -> dict[str, float]:
    """Token accuracy with the labels moved by so many places."""
    width = prediction.label_ids.shape[1] - ahead
    labels = prediction.label_ids[:, ahead:]
    made = prediction.predictions.argmax(-1)[:, :width]
    return {"token_accuracy": float((made == labels)[labels != -100].mean())}


def unmoved(prediction: Any) -> dict[str, float]:
    """Each prediction against the label beside it."""
    return tokens_right(prediction, ahead=0)


def moved(prediction: Any) -> dict[str, float]:
    """Each prediction against the next label."""
    return tokens_right(prediction, ahead=1)


@pytest.mark.reproduces("E23")
def test_a_token_accuracy_that_the_loss_does_not_allow(tmp_path: Path) -> None:
    """The model knows its rows by heart and scores near 0."""
    faulty = trained(causal(tmp_path / "faulty", compute_metrics=unmoved)).trace()
    (found,) = said([faulty], "MET032")
    assert "the two are not of the same tokens" in found.message
    healthy = trained(causal(tmp_path / "healthy", compute_metrics=moved)).trace()
    assert healthy.column("eval_token_accuracy").values[-1] > 0.5
    assert not said([healthy], "MET032")


def test_a_classifier_whose_labels_are_compared_in_another_order(tmp_path: Path) -> None:
    """Learned by heart, and every answer counted wrong."""

    def turned(prediction: Any) -> dict[str, float]:
        right = (prediction.predictions.argmax(-1) + 1) % 3 == prediction.label_ids
        return {"accuracy": float(right.mean())}

    faulty = trained(classifier(tmp_path / "faulty", compute_metrics=turned)).trace()
    (found,) = said([faulty], "MET032")
    assert "the two are not of the same answers" in found.message
    healthy = trained(classifier(tmp_path / "healthy")).trace()
    assert not said([healthy], "MET032")


# -- E26: early stopping -------------------------------------------------------------------------


def with_early_stopping(trainer: Any, patience: int = 3) -> Any:
    """The trainer with the library's own callback."""
    from transformers import EarlyStoppingCallback

    trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=patience))
    return trainer


@pytest.mark.reproduces("E26")
def test_evaluations_by_hand_leave_early_stopping_without_a_metric(tmp_path: Path) -> None:
    """`evaluate` called in a callback: the best metric stays None, as the saved state tells."""
    from transformers import TrainerCallback

    class ByHand(TrainerCallback):
        trainer: Any = None

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            self.trainer.evaluate()

    settings: dict[str, Any] = {
        "metric_for_best_model": "loss", "save_strategy": "steps", "save_steps": 8,
    }  # fmt: skip
    faulty = with_early_stopping(classifier(tmp_path / "faulty", eval_steps=1000, **settings))
    by_hand = ByHand()
    by_hand.trainer = faulty
    faulty.add_callback(by_hand)
    tiny.train(faulty)
    # At its last step the Trainer evaluates by itself.
    (found,) = said([read_run(tmp_path / "faulty" / "checkpoint-40")[0]], "MET033")
    assert "after 4 evaluations no best metric is known: it cannot act" in found.message
    healthy = with_early_stopping(classifier(tmp_path / "healthy", **settings))
    tiny.train(healthy)
    assert not said([read_run(tmp_path / "healthy" / "checkpoint-40")[0]], "MET033")


@pytest.mark.reproduces("E26")
def test_another_callback_undoes_early_stopping(tmp_path: Path) -> None:
    """The patience is used up and the run goes on; without that callback it stops."""
    from transformers import TrainerCallback

    class GoOn(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            control.should_training_stop = state.global_step >= state.max_steps

        def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            control.should_training_stop = False

    noise = unlearnable()
    settings: dict[str, Any] = {
        "metric_for_best_model": "loss", "judged": noise, "save_strategy": "no",
    }  # fmt: skip
    faulty = with_early_stopping(classifier(tmp_path / "faulty", **settings))
    faulty.add_callback(GoOn())

    def settled(run: Watched) -> list[Any]:
        return said([run.trace()], "MET033")

    (found,) = settled(trained(faulty))
    assert "early stopping had a patience of 3 and eval_loss was best at step" in found.message
    stopped = trained(with_early_stopping(classifier(tmp_path / "healthy", **settings)))
    assert stopped.state.global_step < 48
    assert not settled(stopped)


# -- S29: the best checkpoint is the next to go --------------------------------------------------


@pytest.mark.reproduces("S29")
def test_the_best_checkpoint_is_the_next_to_be_deleted(tmp_path: Path) -> None:
    """An overfitting run keeps three checkpoints; told while the better one is still there."""
    from transformers import TrainerCallback

    noise = unlearnable()
    seen: dict[int, list[Any]] = {}

    class Ask(TrainerCallback):
        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            so_far = read_run(Path(args.output_dir))[0]
            assert not so_far.finished
            assert max(so_far.saved_steps) == state.global_step
            seen[state.global_step] = said([so_far], "MET034")

    def run(out: Path, **settings: Any) -> None:
        seen.clear()
        trainer = classifier(
            out, judged=noise, eval_steps=8, save_strategy="steps", save_steps=8,
            save_total_limit=3, learning_rate=3e-3, **settings,
        )  # fmt: skip
        watch(trainer).add_callback(Ask())
        trained(trainer)

    run(tmp_path / "faulty")
    told = {step: found for step, found in seen.items() if found}
    assert told
    step, (finding,) = next(iter(told.items()))
    assert f"checkpoint-{step - 16} evaluated best so far" in finding.message
    run(tmp_path / "healthy", load_best_model_at_end=True)
    assert not any(seen.values())


# -- C01: forgetting -----------------------------------------------------------------------------


@pytest.mark.reproduces("C01")
def test_a_second_evaluation_set_shows_what_is_forgotten(tmp_path: Path) -> None:
    """Learned with one order of classes, then trained on another set of texts with another."""
    general, new = learnable(48), learnable(96)[48:]
    turned = [{**row, "labels": (row["labels"] + 1) % 3} for row in new]
    first = classifier(tmp_path / "first", rows=general, max_steps=40)
    tiny.train(first)

    def goes_on(out: Path, rows: Any) -> Any:
        import copy

        trainer = classifier(
            out, rows=rows, model=copy.deepcopy(first.model), learning_rate=3e-4, max_steps=32
        )
        trainer.eval_dataset = {
            "general": tiny.dataset(general[:24]),
            "new": tiny.dataset(turned[:24]),
        }
        return trained(trainer).trace()

    (found,) = said([goes_on(tmp_path / "faulty", turned)], "ADA034")
    assert "on 'general' from" in found.message
    mixed = goes_on(tmp_path / "healthy", general)
    assert not said([mixed], "ADA034")
