"""ADA011 checkpoint-taken-for-resume, beside a real run that starts over."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.checks.tiny_trainers import arguments, language_model, token_rows

from tunewell.checks.adaptation.checkpoint_taken_for_resume import checkpoint_taken_for_resume
from tunewell.core.finding import Confidence, Severity
from tunewell.preflight.arguments import recipe_of
from tunewell.readers.output_folder import read_output_folder
from tunewell.subjects.output_folder import OutputFolder, SavedStep
from tunewell.subjects.recipe import Recipe, Saving
from tunewell.subjects.script import Script
from tunewell.testing import CheckCases, run_check

FILE = Path("train.py")
MADE = "trainer = Trainer(model=model, args=args)\n"


def saved(name: str = "out/checkpoint-500", *, of: int | None = 1000) -> SavedStep:
    """A checkpoint at step 500."""
    return SavedStep(Path(name), 500, of, frozenset({"model.safetensors"}))


def folder(start: SavedStep | None) -> OutputFolder:
    """The output folder of a run that starts from this model."""
    return OutputFolder(Path("out"), starting_model=start)


def recipe(resumed: str | bool | None = None, *, file: Path | None = FILE) -> Recipe:
    """A recipe that a script gives."""
    return Recipe(saving=Saving(output_dir="out", resume_from_checkpoint=resumed), file=file)


def script(text: str) -> Script:
    """A script of this text."""
    return Script(FILE, ast.parse(text))


UNREAD = recipe("out/checkpoint-500")


class TestCheckpointTakenForResume(CheckCases):
    """Planted, nearly faulty and clean runs."""

    check = checkpoint_taken_for_resume
    faulty = {
        "the weights of its own unfinished run": (recipe(), folder(saved())),
        "an argument that nobody reads": (UNREAD, script(MADE + "trainer.train()")),
        "made and called at once": (UNREAD, script("SFTTrainer(model).train()")),
        "given as none": (UNREAD, script(MADE + "trainer.train(resume_from_checkpoint=None)")),
    }
    nearly = {
        "a finished run": (recipe(), folder(saved(of=500))),
        "another run's folder": (recipe(), folder(saved("stage1/checkpoint-500"))),
        "planned steps not known": (recipe(), folder(saved(of=None))),
        "resumed": (recipe(True), folder(saved())),
        "passed on": (
            UNREAD,
            script(MADE + "trainer.train(resume_from_checkpoint=args.resume_from_checkpoint)"),
        ),
        "passed on by position": (UNREAD, script(MADE + "trainer.train(checkpoint)")),
        "passed on in a mapping": (UNREAD, script(MADE + "trainer.train(**how)")),
        "a mode of PyTorch": (UNREAD, script("model.train()")),
        "the argument of another file": (
            recipe("out/checkpoint-500", file=Path("args.json")),
            script(MADE + "trainer.train()"),
        ),
    }
    clean = {
        "a model of the hub": (recipe(), folder(None)),
        "a plain script": (recipe(), script(MADE + "trainer.train()")),
    }


def test_the_argument_alone_resumes_nothing(tmp_path: Path) -> None:
    """A real run with `resume_from_checkpoint` among its arguments starts at step 0."""
    from transformers import Trainer, TrainerCallback

    class First(TrainerCallback):
        step = -1

        def on_train_begin(self, _: object, state: object, *__: object, **___: object) -> None:
            First.step = state.global_step  # type: ignore[attr-defined]

    def trainer(**changed: object) -> Trainer:
        return Trainer(
            model=language_model(),
            args=arguments(tmp_path, **{"max_steps": 3, "save_steps": 3, **changed}),
            train_dataset=token_rows(16),
            callbacks=[First()],
        )

    trainer().train()
    checkpoint = str(tmp_path / "checkpoint-3")
    unread = trainer(max_steps=5, resume_from_checkpoint=checkpoint, save_strategy="no")
    unread.train()
    assert First.step == 0
    unread.train(resume_from_checkpoint=checkpoint)
    assert First.step == 3
    assert recipe_of(unread).saving.resume_from_checkpoint == checkpoint
    found = run_check(
        checkpoint_taken_for_resume, (UNREAD, script(MADE + "trainer.train()"))
    ).findings[0]
    assert (found.severity, found.confidence) == (Severity.ERROR, Confidence.HIGH)


@pytest.mark.reproduces("S24")
def test_from_pretrained_loads_weights_alone(tmp_path: Path) -> None:
    """The checkpoint of a run that was stopped half way, taken for the model of the next."""
    from transformers import AutoModelForCausalLM, Trainer, TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, *args: object, **_: object) -> None:
            control = args[2]
            control.should_save = control.should_training_stop = True  # type: ignore[attr-defined]

    def trainer(model: object, **more: object) -> Trainer:
        return Trainer(
            model=model,
            args=arguments(tmp_path, max_steps=4, learning_rate=1e-3),
            train_dataset=token_rows(16),
            **more,
        )

    trainer(language_model(), callbacks=[Stop()]).train()
    start = tmp_path / "checkpoint-1"
    lies_there = read_output_folder(tmp_path, model=start)
    again = trainer(AutoModelForCausalLM.from_pretrained(start))
    again.train()
    rates = [e["learning_rate"] for e in again.state.log_history if "learning_rate" in e]
    assert rates[0] == 1e-3
    assert len(rates) == 4
    assert run_check(checkpoint_taken_for_resume, (recipe_of(again), lies_there)).findings
