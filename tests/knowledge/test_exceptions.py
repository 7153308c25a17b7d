"""Known exception texts: well-formed, and true of the libraries that are installed."""

import json
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from tunewell.knowledge.exceptions import KNOWN

CATALOGUE = Path(__file__).parents[2] / "clinic" / "faults.jsonl"


def explained(line: str) -> str | None:
    """Name of the first entry that matches."""
    return next((known.name for known in KNOWN if known.pattern.search(line)), None)


def test_entries_are_complete() -> None:
    """At least 25, with names of their own, a source each and faults of the catalogue."""
    faults = {json.loads(line)["id"] for line in CATALOGUE.read_text("utf-8").splitlines()}
    assert len(KNOWN) >= 25
    assert len({known.name for known in KNOWN}) == len(KNOWN)
    for known in KNOWN:
        assert known.source.startswith("https://")
        assert known.cause
        assert known.fix
        assert set(known.faults) <= faults, known.name


# -- the real texts ----------------------------------------------------------------------------


def _torch_target() -> None:
    import torch

    torch.nn.functional.cross_entropy(torch.zeros(2, 3), torch.tensor([0, 3]))


def _torch_index() -> None:
    import torch

    torch.nn.Embedding(4, 2)(torch.tensor([4]))


def _torch_no_grad() -> None:
    import torch

    torch.autograd.backward(torch.zeros(2).sum())


def _torch_shapes() -> None:
    import torch

    torch.nn.Linear(4, 2)(torch.zeros(3, 5))


def _torch_mixed() -> None:
    import torch

    torch.nn.Linear(4, 2)(torch.zeros(3, 4, dtype=torch.bfloat16))


def _torch_batch() -> None:
    import torch

    torch.nn.functional.cross_entropy(torch.zeros(2, 3), torch.zeros(6, dtype=torch.long))


def _torch_multi_label() -> None:
    import torch

    torch.nn.functional.binary_cross_entropy_with_logits(torch.zeros(2, 3), torch.zeros(2, 2))


def _torch_meta() -> None:
    import torch

    torch.nn.Linear(2, 2, device="meta").to("cpu")


def _torch_empty() -> None:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    DataLoader(TensorDataset(torch.zeros(0)), shuffle=True)


def _torch_mismatch() -> None:
    import torch

    torch.nn.Linear(2, 3).load_state_dict(torch.nn.Linear(2, 2).state_dict())


def _torch_unscale() -> None:
    import torch

    weight = torch.nn.Parameter(torch.ones(2, dtype=torch.float16))
    weight.grad = torch.ones(2, dtype=torch.float16)
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(torch.ones(1))
    scaler.unscale_(torch.optim.SGD([weight], lr=0.1))


def _torch_optimizer() -> None:
    import torch

    first = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))])
    two = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    torch.optim.SGD(two).load_state_dict(first.state_dict())


def _torch_workers() -> None:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DataLoader(TensorDataset(torch.zeros(2)), num_workers=4096)


def _hf_arguments() -> None:
    from transformers import TrainingArguments

    TrainingArguments(output_dir="x", evaluation_strategy="epoch")


def _hf_tokenizer_argument() -> None:
    from transformers import Trainer

    Trainer(tokenizer=None)


def _hf_best_model() -> None:
    from transformers import TrainingArguments

    TrainingArguments(output_dir="x", load_best_model_at_end=True, eval_strategy="epoch",
                      save_strategy="steps")  # fmt: skip


def _hf_no_loss(folder: Path) -> None:
    from datasets import Dataset
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, num_labels=2,
    )  # fmt: skip
    rows = Dataset.from_dict({"input_ids": [[1, 2]] * 4, "target": [0, 1] * 2})
    arguments = TrainingArguments(output_dir=str(folder), max_steps=1, use_cpu=True, report_to=[])
    Trainer(BertForSequenceClassification(config), arguments, train_dataset=rows).train()


def _hf_no_columns(folder: Path) -> None:
    from datasets import Dataset
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, num_labels=2,
    )  # fmt: skip
    rows = Dataset.from_dict({"text": ["a"] * 4, "intent": [0, 1] * 2})
    arguments = TrainingArguments(output_dir=str(folder), max_steps=1, use_cpu=True, report_to=[])
    Trainer(BertForSequenceClassification(config), arguments, train_dataset=rows).train()


def _hf_pad() -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=words)(["a", "a a"], padding=True)


def raised(provoke: Callable[[], None]) -> str:
    """The last line of the traceback, as a log shows it, after everything that was warned."""
    try:
        provoke()
    except (Exception, Warning) as error:  # noqa: BLE001  whatever the library raises
        return "".join(traceback.format_exception_only(error)).replace("\n\t", " ")
    message = "nothing was raised"
    raise AssertionError(message)


@pytest.mark.parametrize(
    ("provoke", "name"),
    [
        (_torch_target, "label outside the head"),
        (_torch_index, "token or position outside the embedding"),
        (_torch_no_grad, "nothing requires a gradient"),
        (_torch_shapes, "matrix shapes that do not fit"),
        (_torch_mixed, "mixed precisions in one layer"),
        (_torch_batch, "labels and batch of different sizes"),
        (_torch_multi_label, "labels of another shape than the logits"),
        (_torch_meta, "meta tensors without data"),
        (_torch_empty, "empty data set"),
        (_torch_mismatch, "weights of another shape"),
        (_torch_unscale, "fp16 weights under the gradient scaler"),
        (_torch_optimizer, "optimizer state of other parameters"),
        (_torch_workers, "more loader workers than processors"),
    ],
)
@pytest.mark.slow
def test_torch_says_so(provoke: Callable[[], None], name: str) -> None:
    """The text that the installed torch raises is known by the right name."""
    assert explained(raised(provoke)) == name


@pytest.mark.parametrize(
    ("provoke", "name"),
    [
        (_hf_arguments, "argument renamed in transformers 5"),
        (_hf_tokenizer_argument, "argument renamed in transformers 5"),
        (_hf_best_model, "evaluation and saving out of step"),
        (_hf_pad, "no padding token"),
    ],
)
@pytest.mark.slow
def test_transformers_says_so(provoke: Callable[[], None], name: str) -> None:
    """The same for transformers."""
    assert explained(raised(provoke)) == name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_trainer_says_so(tmp_path: Path) -> None:
    """The Trainer without labels, and without any column it can use."""
    assert explained(raised(lambda: _hf_no_loss(tmp_path))) == "no loss from the model"
    text = raised(lambda: _hf_no_columns(tmp_path))
    assert explained(text) == "dataset columns not used by the model"
