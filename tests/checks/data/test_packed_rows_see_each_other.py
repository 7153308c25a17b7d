"""DAT130 packed-rows-see-each-other."""

from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.data.packed_rows_see_each_other import packed_rows_see_each_other
from tunewell.subjects.recipe import Place, Preparation, Recipe, Written
from tunewell.testing import CheckCases


def packed(
    strategy: str | None = None, *, task: str = "sft", form: str = "trl", neat: bool | None = None
) -> Recipe:
    written = () if neat is None else (Written(form, "neat_packing", neat, Place()),)
    preparation = Preparation(packing=True, packing_strategy=strategy)
    return Recipe(task=task, format=form, preparation=preparation, written=written)


class TestPackedRowsSeeEachOther(CheckCases):
    """Strategies with borders and without."""

    check = packed_rows_see_each_other
    faulty = {
        "TRL's wrapped": (packed("wrapped"),),
        "LLaMA-Factory's packing": (packed(form="llamafactory"),),
    }
    nearly = {
        "TRL's default": (packed("bfd"),),
        "neat packing": (packed(form="llamafactory", neat=True),),
        "pre-training": (packed("wrapped", task="pretraining"),),
        "axolotl makes borders": (packed(form="axolotl"),),
    }
    clean = {"not packed": (Recipe(task="sft", format="trl"),)}


def _changed_answers(out: Path, strategy: str, attention: str) -> int:
    """How many answers of a later packed row change with the first token of the row before."""
    import torch

    trainer = tiny.sft(
        out,
        model=tiny.causal(attn_implementation=attention),
        rows=[{"text": text} for text in tiny.sentences(24)],
        assistant_only_loss=False,
        packing=True,
        packing_strategy=strategy,
        max_length=48,
        per_device_train_batch_size=1,
        dataset_kwargs=None,
    )
    row = trainer.train_dataset[0]
    batch: dict[str, Any] = trainer.data_collator([row])
    end = row["seq_lengths"][0] if "seq_lengths" in row else 8
    model = trainer.model.eval()
    inputs = {name: batch[name] for name in batch if name in {"input_ids", "position_ids"}}
    with torch.no_grad():
        before = model(**inputs).logits
        changed = inputs["input_ids"].clone()
        changed[0, 0] = (changed[0, 0] + 7) % 300 + 10
        after = model(**{**inputs, "input_ids": changed}).logits
    moved = (before - after).abs().amax(-1)[0] > 1e-6
    assert moved[:end].any()
    return int(moved[end:].sum())


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_bfd_keeps_rows_apart_whatever_the_attention(attention: str, tmp_path: Path) -> None:
    """The positions restart, and the mask is made from them."""
    assert _changed_answers(tmp_path, "bfd", attention) == 0


def test_wrapped_does_not(tmp_path: Path) -> None:
    """Everything that follows changes."""
    assert _changed_answers(tmp_path, "wrapped", "sdpa") > 30
