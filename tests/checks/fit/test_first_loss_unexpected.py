"""FIT018 first-loss-unexpected, on a language model that was trained and saved."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.fit.first_loss_unexpected import first_loss_unexpected
from tunewell.subjects.equivalences import Equivalences, Pair
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.setup import NewTensor
from tunewell.testing import CheckCases, run_check
from tunewell.train.quiet import quiet


@functools.cache
def pretrained() -> Path:
    """A folder with a tiny model that has learned its sentences."""
    import torch

    folder = tiny.folder()
    model = tiny.causal()
    tokens = tiny.tokenizer()
    batch = tokens(tiny.sentences(48), return_tensors="pt", padding=True)
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(30):
        model(
            **{k: batch[k] for k in ("input_ids", "attention_mask")}, labels=labels
        ).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    with quiet(1):
        model.save_pretrained(folder)
    return folder


def shuffled() -> Any:  # noqa: ANN401
    """D42: a tokenizer of the same size in which every id stands for another text."""
    import json

    from tokenizers import Tokenizer

    tokens = tiny.tokenizer()
    state = json.loads(tokens.backend_tokenizer.to_str())
    vocabulary: dict[str, int] = state["model"]["vocab"]
    plain = [token for token in vocabulary if vocabulary[token] >= len(tiny.SPECIAL)]
    ids: Iterator[int] = iter(sorted((vocabulary[token] for token in plain), reverse=True))
    vocabulary.update({token: next(ids) for token in sorted(plain, key=vocabulary.__getitem__)})
    tokens._tokenizer = Tokenizer.from_str(json.dumps(state))
    return tokens


def trainer(out: Path, tokens: Any = None) -> Any:  # noqa: ANN401
    from transformers import AutoModelForCausalLM

    with quiet(1):
        model = AutoModelForCausalLM.from_pretrained(pretrained())
    rows = [{"text": text} for text in tiny.sentences(24)]
    return tiny.sft(out, model=model, tokens=tokens, rows=rows, assistant_only_loss=False)


@pytest.mark.reproduces("D42")
@pytest.mark.parametrize(("tokens", "found"), [(None, 0), (shuffled, 1)], ids=["own", "another"])
def test_a_tokenizer_of_another_model(tokens: Any, found: int, tmp_path: Path) -> None:  # noqa: ANN401
    made = trainer(tmp_path, tokens() if tokens else None)
    subjects = (tiny.stepped(made), tiny.looked(made))
    assert len(run_check(first_loss_unexpected, subjects).findings) == found


def new_head(loss: float, *more: object, **fields: Any) -> tuple[object, ...]:  # noqa: ANN401
    setup = tiny.setup(
        task="sequence", new_tensors=(NewTensor("score.weight", trained=True),), **fields
    )
    return (ModelState(tensors=(), learning_rate=1e-4, first_loss=loss, classes=4), setup, *more)


def language_model(loss: float, new: Any = ()) -> tuple[object, ...]:  # noqa: ANN401
    setup = tiny.setup(new_tensors=new, embedding_rows=32_000)
    return (ModelState(tensors=(), learning_rate=1e-4, first_loss=loss), setup)


TIMES_FOUR = Equivalences(
    whole=Pair(8, 2, 4, 3.0, 4.0), partial=None, noise=0.0, sums_itself=True, owner="Model",
    own_loss=False, by_token=False,
)  # fmt: skip


class TestFirstLossUnexpected(CheckCases):
    """Losses written down."""

    check = first_loss_unexpected
    faulty = {"a sum over 16 rows": new_head(22.0), "at chance": language_model(10.2)}
    nearly = {
        "a confident new head": new_head(2.9),
        "multiplied by accumulation": new_head(5.6, TIMES_FOUR),
        "a loss of the user's own": new_head(22.0, own_loss=True),
        "never trained": language_model(10.2, None),
    }
    clean = {"a guess": new_head(1.4), "pretrained": language_model(2.5)}
