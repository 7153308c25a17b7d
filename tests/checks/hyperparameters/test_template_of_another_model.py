"""HYP025 template-of-another-model."""

from pathlib import Path

from tests.preflight import tiny

from tunewell.checks.hyperparameters.template_of_another_model import template_of_another_model
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Preparation, Recipe
from tunewell.testing import CheckCases

LLAMA_2 = Checkpoint(Path("m"), {"model_type": "llama"}, added_tokens=("<s>", "</s>"))
CHATML = Checkpoint(Path("m"), {"model_type": "qwen2"}, added_tokens=("<|im_start|>",))


def chosen(
    template: str, model: str, *, form: str = "axolotl", tokens: tuple[str, ...] = ()
) -> Recipe:
    preparation = Preparation(chat_template=template, special_tokens=tokens)
    return Recipe(task="sft", model=model, format=form, preparation=preparation)


class TestTemplateOfAnotherModel(CheckCases):
    """Templates of other families, of the model's own, and for base models."""

    check = template_of_another_model
    faulty = {
        "another family": (chosen("gemma", "Qwen/Qwen2.5-7B-Instruct"),),
        "no control tokens for a chat model": (
            chosen("alpaca", "Qwen/Qwen2.5-7B-Instruct", form="llamafactory"),
        ),
        "another Llama": (chosen("llama3", "meta-llama/Llama-2-7b-chat-hf"),),
        "tokens that the tokenizer does not have": (chosen("chatml", "my-model"), LLAMA_2),
    }
    nearly = {
        "a base model may be given any": (chosen("chatml", "meta-llama/Llama-3.1-8B"),),
        "the tokens are added": (
            chosen("chatml", "my-model", tokens=("<|im_start|>", "<|im_end|>")),
            LLAMA_2,
        ),
        "a template that many share": (chosen("chatml", "mistralai/Mistral-7B-Instruct-v0.2"),),
        "an older one of the same family": (
            chosen("qwen", "Qwen/Qwen3-4B-Instruct-2507", form="llamafactory"),
        ),
        "a template that is in no list": (chosen("my_own", "Qwen/Qwen2.5-7B-Instruct"),),
        "a model that is not known": (chosen("llama3", "my-instruct-model"),),
    }
    clean = {
        "its own": (chosen("tokenizer_default", "Qwen/Qwen2.5-7B-Instruct"),),
        "its family's": (chosen("chatml", "Qwen/Qwen2.5-7B-Instruct"), CHATML),
        "nothing is chosen by name": (Recipe(task="sft"),),
        "the template's text": (chosen("{{ messages }}", "m", form="trl"),),
    }


def test_foreign_control_tokens_come_out_in_pieces() -> None:
    """What the model knows is one token; what it does not is text."""
    tokens = tiny.tokenizer()
    assert len(tokens("<|im_start|>", add_special_tokens=False).input_ids) == 1
    assert len(tokens("<start_of_turn>", add_special_tokens=False).input_ids) > 5
