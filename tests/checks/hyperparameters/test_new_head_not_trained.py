"""HYP015 new-head-not-trained."""

from pathlib import Path
from typing import Any

from tests.preflight import tiny

from tunewell.checks.hyperparameters.new_head_not_trained import new_head_not_trained
from tunewell.core.finding import Confidence
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Adapter, Recipe
from tunewell.testing import CheckCases, run_check

BASE = Checkpoint(Path("bert"), {"model_type": "bert"}, {"bert.pooler.dense.weight": (32, 32)})
TUNED = Checkpoint(Path("bert"), {"model_type": "bert"}, {"classifier.weight": (3, 32)})
CHOSEN = ("query", "value")


def adapted(
    task: str = "text-classification",
    form: str = "transformers",
    **settings: Any,  # noqa: ANN401
) -> Recipe:
    adapter = Adapter(**{"target_modules": CHOSEN, **settings})
    return Recipe(task=task, method="lora", adapter=adapter, format=form)


class TestNewHeadNotTrained(CheckCases):
    """Frozen, adapted over random weights, and trained whole."""

    check = new_head_not_trained
    faulty = {
        "no task type": (adapted(), BASE),
        "the head as a target": (adapted(target_modules=(*CHOSEN, "classifier")), BASE),
        "all linear, the head too": (adapted(target_modules=("all-linear",)), BASE),
        "a tagger": (adapted("token-classification"), BASE),
        "a reward model": (adapted("reward"),),
        "of another task": (adapted(task_type="CAUSAL_LM"), BASE),
    }
    nearly = {
        "the head is saved by name": (adapted(modules_to_save=("classifier",)), BASE),
        "the program sees to the head": (adapted("reward", form="llamafactory"),),
        "the checkpoint has a head": (adapted(), TUNED),
        "the other task type, which saves the same names": (
            adapted("token-classification", task_type="SEQ_CLS"),
            BASE,
        ),
    }
    clean = {
        "the task type": (adapted(task_type="SEQ_CLS"), BASE),
        "no adapter": (Recipe(), BASE),
        "no new head": (adapted("sft"),),
    }


def _heads(folder: Path, **settings: Any) -> tuple[set[str], set[str]]:  # noqa: ANN401
    """Parts of the real head that are trained, and that are in the adapter's file."""
    from safetensors.torch import load_file

    model = tiny.lora(tiny.encoder(num_labels=3), **settings)
    model.save_pretrained(str(folder))
    trained = {n for n, p in model.named_parameters() if p.requires_grad and "classifier" in n}
    saved = {n for n in load_file(folder / "adapter_model.safetensors") if "classifier" in n}
    return trained, saved


def test_what_peft_does_with_the_head(tmp_path: Path) -> None:
    """Frozen without task type; adapted over unsaved random weights; whole with task type."""
    assert _heads(tmp_path, task_type=None, target_modules=list(CHOSEN)) == (set(), set())
    named = [*CHOSEN, "classifier"]
    trained, saved = _heads(tmp_path, task_type=None, target_modules=named)
    assert all("lora_" in name for name in trained | saved)
    trained, saved = _heads(tmp_path, task_type="SEQ_CLS", target_modules=list(CHOSEN))
    assert saved == {"base_model.model.classifier.weight", "base_model.model.classifier.bias"}


def test_a_list_that_was_appended_to_in_place() -> None:
    """`modules_to_save=list.append(...)` is None, and PEFT says nothing."""
    from peft import LoraConfig

    empty: list[str] = []
    config = LoraConfig(modules_to_save=empty.append("classifier"))  # type: ignore[func-returns-value]
    assert config.modules_to_save is None


def test_what_is_known_decides_how_sure_it_is() -> None:
    """Without the weights the head may be a trained one."""
    assert run_check(new_head_not_trained, (adapted(),)).findings[0].confidence is Confidence.MEDIUM
    sure = run_check(new_head_not_trained, (adapted(), BASE)).findings[0]
    assert sure.confidence is Confidence.HIGH
    assert "frozen" in sure.message
