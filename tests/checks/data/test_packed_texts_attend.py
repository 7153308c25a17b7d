"""DAT091 packed-texts-attend."""
# ruff: noqa: ANN401  models have no types

from typing import Any

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.packed_texts_attend import packed_texts_attend
from tunewell.core.finding import Severity
from tunewell.preflight import isolation
from tunewell.testing import CheckCases, run_check


def packed(model: Any = None, rows: Any = None, **settings: Any) -> live.Subjects:
    chosen = {"packing": True, "max_length": 64, "assistant_only_loss": False, **settings}
    rows = rows or [{"text": text} for text in tiny.sentences(60)]
    trainer = tiny.sft(live.OUT, rows=rows, model=model, **chosen)
    return live.with_probes(trainer, isolation.PROBE)


def opt() -> Any:
    """A model whose mask does not look at position ids."""
    from transformers import OPTConfig, OPTForCausalLM

    return OPTForCausalLM(
        OPTConfig(
            vocab_size=400, hidden_size=32, ffn_dim=48, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=256, word_embed_proj_dim=32,
        )
    )  # fmt: skip


def mamba() -> Any:
    """A model without attention, whose state goes on over the border."""
    from transformers import MambaConfig, MambaForCausalLM

    return MambaForCausalLM(
        MambaConfig(vocab_size=400, hidden_size=32, num_hidden_layers=2, state_size=4)
    )


@pytest.mark.reproduces("D54")
class TestPackedTextsAttend(CheckCases):
    """TRL's ways of packing over models that keep texts apart and models that do not."""

    check = packed_texts_attend
    faulty = live.Cases(
        wrapped=lambda: packed(packing_strategy="wrapped"),
        wrapped_chats=lambda: packed(
            rows=tiny.chats(), eos_token="<|im_end|>", packing_strategy="wrapped"
        ),
        a_mask_without_positions=lambda: packed(opt()),
        a_state_that_goes_on=lambda: packed(mamba()),
    )
    nearly = live.Cases(
        best_fit=packed,
        without_padding=lambda: packed(packing=False, padding_free=True, max_length=None),
        with_LoRA=lambda: packed(tiny.lora(tiny.causal())),
    )
    clean = live.Cases(one_text_a_row=lambda: packed(packing=False))


@pytest.mark.parametrize(
    ("case", "severity"),
    [
        ("wrapped", Severity.INFO),
        ("wrapped chats", Severity.WARNING),
        ("a mask without positions", Severity.ERROR),
    ],
)
def test_severity_is_by_what_was_meant(case: str, severity: Severity) -> None:
    (finding,) = run_check(packed_texts_attend, TestPackedTextsAttend.faulty[case]).findings
    assert finding.severity is severity
