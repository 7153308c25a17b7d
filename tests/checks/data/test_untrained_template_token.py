"""DAT093 untrained-template-token."""
# ruff: noqa: ANN401  models have no types

from typing import Any

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.untrained_template_token import untrained_template_token
from tunewell.preflight import vectors
from tunewell.testing import CheckCases, run_check

START, END = 3, 4


def base(*empty: int, output: bool = True) -> Any:
    """A model that never learned some tokens."""
    import torch

    model = tiny.causal()
    with torch.no_grad():
        for token in empty:
            model.get_input_embeddings().weight[token] *= 0.01
            if output:
                model.get_output_embeddings().weight[token] *= 0.01
    return model


def chats(model: Any) -> live.Subjects:
    return live.with_probes(tiny.sft(live.OUT, model=model), vectors.PROBE)


@pytest.mark.reproduces("D43")
class TestUntrainedTemplateToken(CheckCases):
    """A base model with empty vectors for the tokens of its chat template, and adapters."""

    check = untrained_template_token
    faulty = live.Cases(
        adapter_on_attention=lambda: chats(tiny.lora(base(START, END))),
        only_the_embedding_is_saved=lambda: chats(
            tiny.lora(base(END), modules_to_save=["embed_tokens"])
        ),
    )
    nearly = live.Cases(
        all_weights_trained=lambda: chats(base(START, END)),
        both_layers_saved=lambda: chats(
            tiny.lora(base(START, END), modules_to_save=["embed_tokens", "lm_head"])
        ),
        tokens_trained=lambda: chats(
            tiny.lora(
                base(START, END, output=False),
                trainable_token_indices={"embed_tokens": [START, END]},
            )
        ),
        padding_is_empty=lambda: chats(tiny.lora(base(2))),
        a_token_that_is_not_used=lambda: chats(tiny.lora(base(0, 5, 6))),
    )
    clean = live.Cases(a_model_that_knows_them=lambda: chats(tiny.lora(tiny.causal())))


def test_the_layer_is_named() -> None:
    subjects = TestUntrainedTemplateToken.faulty["only the embedding is saved"]
    (finding,) = run_check(untrained_template_token, subjects).findings
    assert [row[2] for row in finding.evidence[0].rows] == ["output layer"]  # type: ignore[union-attr, index]
