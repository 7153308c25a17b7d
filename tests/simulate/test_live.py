"""Tests of the simulation of a trainer as it stands: real tiny trainers, on the meta device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import other_tasks, tiny

pytest.importorskip("torch")
pytest.importorskip("trl")

import torch
from torch import nn

from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Device, LowRank, Step
from tunewell.preflight.longest import longest_batch
from tunewell.preflight.simulated import simulate_trainer, step_of_trainer
from tunewell.simulate import live
from tunewell.simulate.__main__ import simulate as by_config
from tunewell.simulate.on_meta import Copier, NotCopiedError
from tunewell.simulate.quantised import Linear4bit, Linear8bit
from tunewell.train.quiet import quiet

L4 = Device(capability=89)
BATCH, LENGTH = 4, 32
COUNT_OF_TARGETS = 512
"""Bytes of the number that the Trainer counts before each step: the allocator's smallest block."""
TARGETS = {"bert": ("query", "value"), "llama": ("q_proj", "v_proj")}


class Own(nn.Module):
    """A model that no library knows, without a configuration."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(400, 64)
        self.head = nn.Linear(64, 400)
        self.register_buffer("scale", torch.ones(400))
        self.asked = 0

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """A loss that asks after values, as careful code does."""
        self.asked += 1
        logits = self.head(self.embedding(input_ids)) * self.scale
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        if torch.isnan(loss).any() or loss.isinf():
            message = "the loss is not a number"
            raise ValueError(message)
        return {"loss": loss, "logits": logits, "mean": loss.detach().cpu().tolist()}


def plain(out: Path, model: Any, **settings: Any) -> Any:  # noqa: ANN401  transformers has no types
    """The Trainer over rows of one length."""
    from transformers import Trainer, default_data_collator

    labels: Any = 1 if "SequenceClassification" in str(model) else [5] * LENGTH
    row = {"input_ids": [5] * LENGTH, "attention_mask": [1] * LENGTH, "labels": labels}
    if isinstance(model, Own):
        del row["attention_mask"]
    with quiet(1):
        return Trainer(
            model,
            args=tiny.arguments(out, per_device_train_batch_size=BATCH, optim="adamw_torch",
                                **settings),
            train_dataset=[row] * 8,
            data_collator=default_data_collator,
        )  # fmt: skip


def stands(trainer: Any) -> Simulated:  # noqa: ANN401  as above
    """The simulated step of a trainer, which must be there."""
    found, _ = simulate_trainer(trainer, L4)
    assert isinstance(found, Simulated), found
    return found


@pytest.mark.parametrize("adapted", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("kind", ["bert", "llama"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"gradient_checkpointing": True, "bf16": True}, {"gradient_accumulation_steps": 2}],
    ids=["plain", "recomputed in bf16", "accumulated"],
)
def test_a_plain_trainer_takes_the_bytes_of_its_config(
    tmp_path: Path, kind: str, settings: dict[str, Any], *, adapted: bool
) -> None:
    """A model of transformers, copied from the live one, and the same built from config.json."""
    model = tiny.encoder() if kind == "bert" else tiny.causal()
    config = model.config.to_dict()
    if adapted:
        task = "SEQ_CLS" if kind == "bert" else "CAUSAL_LM"
        model = tiny.lora(model, target_modules=list(TARGETS[kind]), task_type=task)
    found = stands(plain(tmp_path, model, **settings))
    with quiet(1):
        described = by_config(
            Step(
                config=config,
                task="text-classification" if kind == "bert" else "causal-lm",
                batch=BATCH,
                length=LENGTH,
                autocast="bf16" if "bf16" in settings else None,
                adapter=LowRank(rank=4, targets=TARGETS[kind]) if adapted else None,
                checkpointing="gradient_checkpointing" in settings,
                accumulation=settings.get("gradient_accumulation_steps", 1),
                device=L4,
            )
        )
    assert isinstance(described, Simulated), described
    assert found.peak_allocated == described.peak_allocated + COUNT_OF_TARGETS
    assert found.peak_reserved == described.peak_reserved
    assert (found.parameters, found.trainable) == (described.parameters, described.trainable)
    assert found.attention_kernels == described.attention_kernels


def test_a_class_of_ones_own_is_simulated_and_left_alone(tmp_path: Path) -> None:
    """Questions after values get the answers of a healthy step; nothing of the model changes."""
    model = Own()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    trainer = plain(tmp_path, model)
    found = stands(trainer)
    assert found.parameters == sum(p.numel() for p in model.parameters())
    logits = BATCH * LENGTH * 400 * 4
    assert found.by_kind["weights"] >= 4 * found.parameters + 4 * 400
    assert found.peak_allocated > found.by_kind["weights"] + 2 * logits
    assert model.asked == 0
    assert trainer.model is model
    assert all(p.grad is None and p.device.type == "cpu" for p in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_frozen_layers_and_precisions_stay_as_they_are(tmp_path: Path) -> None:
    """Without gradients and moments of the embedding, and with a head of 16 bits."""
    whole = stands(plain(tmp_path, Own()))
    model = Own()
    model.embedding.requires_grad_(requires_grad=False)
    frozen = stands(plain(tmp_path, model))
    assert whole.trainable - frozen.trainable == model.embedding.weight.numel()
    assert whole.steady - frozen.steady == 2 * 4 * model.embedding.weight.numel()
    half = tiny.causal().to(torch.bfloat16)
    weights = stands(plain(tmp_path, half)).phases[0].by_kind["weights"]
    assert weights < 2.1 * sum(p.numel() for p in half.parameters())


TRAINERS: dict[str, Callable[[Path], Any]] = {
    "classifier": other_tasks.classifier,
    "tagger": other_tasks.tagger,
    "translator": other_tasks.translator,
    "streamed": other_tasks.streamed,
    "sft": tiny.sft,
    "dpo": other_tasks.dpo,
    "kto": other_tasks.kto,
    "reward": other_tasks.reward,
    "embedder": other_tasks.embedder,
    "transcriber": other_tasks.transcriber,
}


@pytest.mark.parametrize("name", TRAINERS)
def test_every_trainer_takes_its_own_step(tmp_path: Path, name: str) -> None:
    """The loss of each trainer runs without values, and its counts stay as they were."""
    trainer = TRAINERS[name](tmp_path)
    counts = {key: {k: list(v) for k, v in getattr(trainer, "_metrics", {}).get(key, {}).items()}
              for key in ("train", "eval")}  # fmt: skip
    found, what = simulate_trainer(trainer, L4)
    assert isinstance(found, Simulated), found
    assert type(trainer).__name__ in what
    assert "longest batch" in what
    phases = {phase.phase for phase in found.phases}
    evaluated = str(getattr(trainer.args.eval_strategy, "value", trainer.args.eval_strategy))
    assert ("evaluation" in phases) == (evaluated != "no")
    assert {key: dict(getattr(trainer, "_metrics", {}).get(key, {})) for key in counts} == counts


def test_other_modules_of_the_trainer_lie_on_the_device(tmp_path: Path) -> None:
    """A teacher counts among the weights, and not among the model's parameters."""
    alone = stands(plain(tmp_path, Own()))
    trainer = plain(tmp_path, Own())
    trainer.teacher = nn.Linear(100, 300, bias=False).requires_grad_(requires_grad=False)
    found = stands(trainer)
    assert (found.parameters, found.trainable) == (alone.parameters, alone.trainable)
    more = found.phases[0].by_kind["weights"] - alone.phases[0].by_kind["weights"]
    assert more == 100 * 300 * 4
    assert found.steady == alone.steady + more


def test_text_that_is_written_first_is_refused(tmp_path: Path) -> None:
    """As a trainer with rewards does: a sentence says why."""
    trainer = tiny.sft(tmp_path)
    trainer.reward_funcs = []
    found, _ = simulate_trainer(trainer, L4)
    assert isinstance(found, NotSimulated)
    assert "writing text" in found.reason


def test_a_loss_that_cannot_do_without_values_is_told(tmp_path: Path) -> None:
    """The error's first line, and where it was raised."""

    class Values(Own):
        def forward(self, input_ids: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
            assert len(torch.unique(input_ids)) > 0
            return super().forward(input_ids, labels)

    found, _ = simulate_trainer(plain(tmp_path, Values()), L4)
    assert isinstance(found, NotSimulated)
    assert found.reason.startswith("the trainer's step cannot run without values: ")


def test_an_optimizer_that_was_given_counts() -> None:
    """Its class is what counts, not the name in the arguments."""
    trainer = plain(Path("out"), Own())
    assert step_of_trainer(trainer, L4).optimizer == "adamw_torch"
    trainer.optimizer = torch.optim.SGD(trainer.model.parameters(), lr=0.1)
    assert step_of_trainer(trainer, L4).optimizer == "sgd"
    trainer.optimizer = torch.optim.AdamW(trainer.model.parameters(), fused=True)
    assert step_of_trainer(trainer, L4).optimizer == "adamw_torch_fused"


def test_layers_of_bitsandbytes_are_replaced() -> None:
    """By what they hold packed; layers around them are copied."""

    class Linear4bitOfTheirs(nn.Linear):
        compute_dtype = torch.bfloat16

    class Linear8bitOfTheirs(nn.Linear):
        pass

    for kind, name in ((Linear4bitOfTheirs, "Linear4bit"), (Linear8bitOfTheirs, "Linear8bitLt")):
        kind.__name__, kind.__module__ = name, "bitsandbytes.nn.modules"
    model = nn.Sequential(Linear4bitOfTheirs(64, 32), Linear8bitOfTheirs(32, 64, bias=False),
                          nn.Linear(64, 2))  # fmt: skip
    four, eight, plain_one = Copier().copy(model)
    assert isinstance(four, Linear4bit)
    assert four.weight.numel() == 64 * 32 // 2
    assert four.bias is not None
    assert four.bias.device.type == "meta"
    assert isinstance(eight, Linear8bit)
    assert eight.bias is None
    assert plain_one.weight.device.type == "meta"
    assert plain_one.weight.shape == (2, 64)


def test_tied_weights_stay_tied_and_none_is_copied() -> None:
    """One empty tensor stands for both, with the strides of the original."""
    model = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 10, bias=False))
    model[1].weight = model[0].weight
    copied = Copier().copy(model)
    assert copied[0].weight is copied[1].weight
    assert copied[0].weight.device.type == "meta"
    turned = nn.Linear(4, 6)
    turned.weight = nn.Parameter(turned.weight.detach().t().contiguous().t())
    assert Copier().copy(turned).weight.stride() == (1, 6)


def test_weights_of_a_class_of_their_own_are_refused() -> None:
    """Their memory is not known."""

    class Packed(torch.Tensor):
        pass

    model = nn.Linear(2, 2)
    model.weight = nn.Parameter(torch.zeros(2, 2).as_subclass(Packed), requires_grad=False)
    with pytest.raises(NotCopiedError, match="weights of the kind"):
        Copier().copy(model)


def test_what_needs_a_mask() -> None:
    """Padding does, and so do several texts in one row; whole rows do not."""
    ones, padded = torch.ones(2, 4), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    assert not live.needs_mask({"attention_mask": ones})
    assert live.needs_mask({"attention_mask": padded})
    assert live.needs_mask({"a": {"sentence_0_attention_mask": padded}})
    assert live.needs_mask({"position_ids": torch.tensor([[0, 1, 0, 1]])})
    assert not live.needs_mask({"position_ids": torch.arange(4)[None]})
    assert not live.needs_mask(["text"])


def test_the_longest_rows_are_collated(tmp_path: Path) -> None:
    """A prompt counts with the longer one of its answers, and rows come again where few are."""
    trainer = other_tasks.classifier(tmp_path)
    rows = [len(row["input_ids"]) for row in trainer.train_dataset]
    batch = longest_batch(trainer, trainer.train_dataset, 3)
    assert batch.measured_all
    assert tuple(batch.batch["input_ids"].shape) == (3, max(rows))
    trainer = other_tasks.dpo(tmp_path)
    most = max(
        len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))
        for row in trainer.train_dataset
    )
    many = len(trainer.train_dataset) + 1
    ids = longest_batch(trainer, trainer.train_dataset, many).batch["input_ids"]
    assert ids.shape[0] == 2 * many
    assert ids.shape[1] == min(most, trainer.args.max_length or most)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["Trainer, own class", "Trainer, BERT, LoRA", "Trainer, Llama, checkpointing", "SFTTrainer",
     "SFTTrainer, 2 micro-batches", "DPOTrainer", "DPOTrainer, LoRA", "KTOTrainer"],
)  # fmt: skip
def test_the_real_step_takes_what_was_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """On the processor, by the allocator's own events: within a tenth of one per cent."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    from benchmarks.live import trainers

    from benchmarks import live_memory

    with quiet(1):
        trainer = trainers.ALL[name](tmp_path)
        expected = live_memory.simulated(trainer)
        assert live_memory.real(trainer) == pytest.approx(expected, rel=0.001)
