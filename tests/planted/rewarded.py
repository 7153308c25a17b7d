"""Trainers of TRL over a language small enough to be learned in seconds, healthy as they stand.

A tiny Llama first learns a grammar (`grammar`): "the red cat sleeps under the table", with or
without "thanks". Preferences and rewards are for the "thanks", so there is something to learn that
the model can already say.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.preflight import tiny

from tunewell.train.quiet import quiet

COLOURS = ("red", "green", "blue", "small", "large")
ANIMALS = ("cat", "dog", "bird", "fish")
VERBS = ("runs", "sleeps", "eats", "flies")
PLACES = ("table", "house", "river", "tree")
ASKED = ("what", "where", "why", "who")
PARTS = (("the",), COLOURS, ANIMALS, VERBS, ("over", "under"), ("the",), PLACES)
"""The words that may stand in each place of an answer."""

LONGEST = 24
"""Tokens of an answer; the longest of the grammar has 10."""

Reward = Callable[..., list[float]]


def drawing(seed: int) -> random.Random:
    """A source of draws that gives the same ones each time."""
    return random.Random(seed)  # noqa: S311  not for secrets


def question(draw: random.Random) -> str:
    """A question of the grammar."""
    return f"{draw.choice(ASKED)} is the {draw.choice(ANIMALS)} are"


def answer(draw: random.Random, *, thanks: float = 0.3) -> str:
    """An answer of the grammar, which says thanks that often."""
    said = (
        f" the {draw.choice(COLOURS)} {draw.choice(ANIMALS)} {draw.choice(VERBS)} "
        f"{draw.choice(('over', 'under'))} the {draw.choice(PLACES)}"
    )
    return said + " thanks" if draw.random() < thanks else said


def follows_grammar(text: str) -> bool:
    """Whether a text is an answer of the grammar, with thanks or without."""
    words = text.split()
    return (
        len(words) == len(PARTS) or (len(words) == len(PARTS) + 1 and words[-1] == "thanks")
    ) and all(word in part for word, part in zip(words, PARTS, strict=False))


@functools.cache
def base() -> Path:
    """The folder of a model that has learned the grammar: about 4 seconds on one core."""
    import torch

    made = tiny.folder()
    tokens = tiny.tokenizer(template=None)
    draw = drawing(0)
    texts = [question(draw) + answer(draw) + "</s>" for _ in range(1600)]
    with quiet(1):
        torch.manual_seed(0)
        model = tiny.causal(tie_word_embeddings=True)
        model.generation_config.eos_token_id = 1
        steps = torch.optim.AdamW(model.parameters(), lr=6e-3, weight_decay=0.0)
        for at in range(150):
            rows = [texts[(at * 32 + row) % len(texts)] for row in range(32)]
            batch = tokens(rows, padding=True, return_tensors="pt", return_token_type_ids=False)
            labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
            loss = model(**batch, labels=labels).loss
            loss.backward()
            steps.step()
            steps.zero_grad()
        model.save_pretrained(made)
        tokens.save_pretrained(made)
    return made


def pairs(
    count: int = 96, *, agreed: float = 0.85, seed: int = 0, swapped: bool = False
) -> list[dict[str, str]]:
    """Pairs of which the preferred one says thanks and the other does not, `agreed` of the time."""
    draw = drawing(seed)
    made = []
    for _ in range(count):
        right = draw.random() < agreed
        better, worse = (1.0, 0.0) if right != swapped else (0.0, 1.0)
        made.append(
            {
                "prompt": question(draw),
                "chosen": answer(draw, thanks=better),
                "rejected": answer(draw, thanks=worse),
            }
        )
    return made


def unrelated(count: int = 96, seed: int = 0) -> list[dict[str, str]]:
    """Pairs that were preferred by the toss of a coin."""
    draw = drawing(seed)
    return [
        {"prompt": question(draw), "chosen": answer(draw), "rejected": answer(draw)}
        for _ in range(count)
    ]


def foreign(count: int = 96, seed: int = 0) -> list[dict[str, str]]:
    """Pairs of which the rejected one is noise: no model has trouble to tell them apart."""
    draw = drawing(seed)
    return [
        {
            "prompt": question(draw),
            "chosen": answer(draw),
            "rejected": " " + " ".join(draw.choice(("?!", "zz", "#")) for _ in range(8)),
        }
        for _ in range(count)
    ]


def liked(count: int = 128, *, agreed: float = 0.85, seed: int = 0) -> list[dict[str, Any]]:
    """Answers with a thumb up or down: up where they say thanks, `agreed` of the time."""
    draw = drawing(seed)
    made = []
    for at in range(count):
        up = at % 2 == 0
        thanks = up if draw.random() < agreed else not up
        made.append(
            {
                "prompt": question(draw),
                "completion": answer(draw, thanks=float(thanks)),
                "label": up,
            }
        )
    draw.shuffle(made)
    return made


def thankful(completions: Sequence[str], **_: Any) -> list[float]:
    """1 for an answer that ends with thanks, a part of it for its length in words near 8."""
    return [
        float(text.strip().endswith("thanks")) - 0.02 * abs(len(text.split()) - 8)
        for text in completions
    ]


def arguments(out: Path, kind: Any, **settings: Any) -> Any:
    """Arguments of a short run of TRL."""
    chosen = {
        "max_steps": 80, "per_device_train_batch_size": 8, "learning_rate": 5e-4, "seed": 1,
        "logging_steps": 2, **settings,
    }  # fmt: skip
    return tiny.arguments(out, kind, **chosen)


def _parts() -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet(1):
        model = AutoModelForCausalLM.from_pretrained(base())
        tokens = AutoTokenizer.from_pretrained(base())
    return model, tokens


def _over_pairs(
    trainer: Any, config: Any, out: Path, rows: Any, judged: Any, **settings: Any
) -> Any:
    model, tokens = _parts()
    with quiet(1):
        return trainer(
            model,
            args=arguments(out, config, **settings),
            train_dataset=tiny.dataset(pairs() if rows is None else rows),
            eval_dataset=None if judged is None else tiny.dataset(judged),
            processing_class=tokens,
        )


def dpo(out: Path, *, rows: Any = None, judged: Any = None, **settings: Any) -> Any:
    """Direct preference optimisation."""
    from trl import DPOConfig, DPOTrainer

    return _over_pairs(DPOTrainer, DPOConfig, out, rows, judged, **settings)


def orpo(out: Path, *, rows: Any = None, judged: Any = None, **settings: Any) -> Any:
    """Odds ratio preference optimisation, which has no reference model."""
    with quiet(1):
        from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    return _over_pairs(ORPOTrainer, ORPOConfig, out, rows, judged, **settings)


def cpo(out: Path, *, rows: Any = None, judged: Any = None, **settings: Any) -> Any:
    """Contrastive preference optimisation, or SimPO with `loss_type`."""
    with quiet(1):
        from trl.experimental.cpo import CPOConfig, CPOTrainer

    return _over_pairs(CPOTrainer, CPOConfig, out, rows, judged, **settings)


def kto(out: Path, *, rows: Any = None, **settings: Any) -> Any:
    """Kahneman-Tversky optimisation."""
    from trl import KTOConfig, KTOTrainer

    return _over_pairs(
        KTOTrainer, KTOConfig, out, liked() if rows is None else rows, None, **settings
    )


def reward_model(out: Path, *, rows: Any = None, judged: Any = None, **settings: Any) -> Any:
    """A reward model that starts from the language model's body."""
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    _, tokens = _parts()
    with quiet(1):
        import torch

        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_pretrained(base(), num_labels=1)
        return RewardTrainer(
            model,
            args=arguments(out, RewardConfig, **settings),
            train_dataset=tiny.dataset(pairs() if rows is None else rows),
            eval_dataset=None if judged is None else tiny.dataset(judged),
            processing_class=tokens,
        )


def _over_prompts(
    trainer: Any,
    config: Any,
    out: Path,
    reward: Reward | list[Reward],
    *,
    judged: int = 0,
    **settings: Any,
) -> Any:
    """`judged` is the number of questions to evaluate on."""
    model, tokens = _parts()
    draw = drawing(3)
    chosen = {
        "num_generations": 4, "per_device_train_batch_size": 16, "max_steps": 60,
        "max_completion_length": LONGEST, "learning_rate": 1e-3, "logging_steps": 1, **settings,
    }  # fmt: skip
    with quiet(1):
        return trainer(
            model,
            reward_funcs=reward,
            args=arguments(out, config, **chosen),
            train_dataset=tiny.dataset([{"prompt": question(draw)} for _ in range(64)]),
            eval_dataset=tiny.dataset([{"prompt": question(draw)} for _ in range(judged)])
            if judged
            else None,
            processing_class=tokens,
        )


def grpo(out: Path, reward: Reward | list[Reward] = thankful, **settings: Any) -> Any:
    """Group relative policy optimisation."""
    from trl import GRPOConfig, GRPOTrainer

    return _over_prompts(GRPOTrainer, GRPOConfig, out, reward, **settings)


def rloo(out: Path, reward: Reward | list[Reward] = thankful, **settings: Any) -> Any:
    """REINFORCE, leave one out."""
    from trl import RLOOConfig, RLOOTrainer

    return _over_prompts(RLOOTrainer, RLOOConfig, out, reward, **settings)


def trained(trainer: Any) -> Any:
    """The trace of a trainer after it has trained, read from the state that it saves."""
    from transformers.trainer_callback import PrinterCallback

    from tunewell.readers.logs import read_trace

    trainer.remove_callback(PrinterCallback)
    with quiet(1):
        trainer.train()
        trainer.save_state()
    return read_trace(Path(trainer.args.output_dir) / "trainer_state.json")
