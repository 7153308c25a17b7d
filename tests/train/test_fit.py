"""The supervised trainer, on a tiny encoder made on the spot."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from tunewell.core.errors import InputError, SettingsError
from tunewell.readers.logs import read_run, read_trace
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.testing import split
from tunewell.train.holdout import fold, hold_out

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the training extra"
)
WORDS = {"red": "rose tulip poppy", "blue": "sky sea whale", "green": "leaf grass frog"}


def made(rows: int, name: str = "train") -> Dataset:
    """Rows whose label follows from their words."""
    generator = np.random.default_rng(len(name))
    texts, labels = [], []
    for row in range(rows):
        label = sorted(WORDS)[row % 3]
        words = generator.choice(WORDS[label].split(), size=int(generator.integers(1, 6)))
        texts.append(f"{row} " + " ".join(words))
        labels.append(label)
    return Dataset(train=split(texts, labels, name=name))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one layer with a tokenizer trained on the words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoder")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *" ".join(WORDS.values()).split()]
    tokenizer = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(vocabulary)}, "[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=32,
    ).save_pretrained(str(folder))
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.2,
        max_position_embeddings=40,
    )
    BertModel(config).save_pretrained(str(folder))
    return folder


@pytest.fixture
def recipe(encoder: Path) -> Recipe:
    """Settings under which the tiny encoder learns its words in seconds."""
    return Recipe(model=str(encoder), learning_rate=5e-3, num_train_epochs=3.0)


def fit(recipe: Recipe, dataset: Dataset, folder: Path):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """`fit` with one thread."""
    from tunewell.train.fit import fit as train

    return train(recipe, dataset, folder=folder, threads=1)


def test_learns_saves_and_predicts_the_same(recipe: Recipe, tmp_path: Path) -> None:
    """The kept model, saved and loaded, says what the result says, in the order of the rows."""
    from tunewell.train.inference import embed, predict

    test = made(30, "test").train
    dataset = dataclasses.replace(made(120), test=test)
    result = fit(dataclasses.replace(recipe, num_train_epochs=8.0), dataset, tmp_path)
    assert result.test is not None
    assert result.evaluation is not None
    assert result.test.correct.mean() > 0.9
    again = predict(tmp_path / "model", test)
    assert again.label_names == ("blue", "green", "red")
    assert again.probabilities is not None
    assert result.test.probabilities is not None
    np.testing.assert_allclose(again.probabilities, result.test.probabilities, atol=1e-5)
    assert result.trace.finished
    assert result.trace.settings["evaluation"].startswith("15 %")
    assert len(result.trace.column("eval_loss")) == 8
    judged = result.evaluation
    at = list(result.trace.column("eval_loss").steps).index(result.trace.kept_step)
    assert result.trace.column("eval_accuracy").values[at] == pytest.approx(judged.correct.mean())
    assert result.model_state is not None
    assert all(tensor.moved for tensor in result.model_state.tensors if tensor.in_optimizer)
    vectors = embed(tmp_path / "model", test.texts)
    assert vectors.shape == (30, 32)
    assert vectors.dtype == np.float32


def test_same_seed_same_head_and_order(recipe: Recipe, tmp_path: Path) -> None:
    """Control and change start from the same place: equal first losses, other settings differ."""
    dataset = made(96)
    first = fit(recipe, dataset, tmp_path / "a").trace.column("raw_loss").values
    again = fit(recipe, dataset, tmp_path / "b").trace.column("raw_loss").values
    changed = dataclasses.replace(recipe, learning_rate=1e-4, weight_decay=0.3)
    other = fit(changed, dataset, tmp_path / "c").trace.column("raw_loss").values
    seeded = fit(dataclasses.replace(recipe, seed=1), dataset, tmp_path / "d").trace
    np.testing.assert_array_equal(first, again)
    assert first[0] == other[0]
    assert first[-1] != other[-1]
    assert first[0] != seeded.column("raw_loss").values[0]


def test_order_depends_on_seed_and_texts_alone() -> None:
    """Every row once an epoch; rows keep their relative order inside a pool when one is dropped."""
    from tunewell.train.rows import SeededOrder

    texts = [f"row {row} " + "x" * (row % 17) for row in range(100)]
    order = SeededOrder(texts, 3)
    first, second = list(order.order(0)), list(order.order(1))
    assert sorted(first) == list(range(100))
    assert first != second
    assert first == list(SeededOrder(texts, 3).order(0))
    assert first != list(SeededOrder(texts, 4).order(0))


def test_early_stopping_counts_evaluations(recipe: Recipe, tmp_path: Path) -> None:
    """With a rate too small to move anything, two evaluations without a gain end the run."""
    frozen = dataclasses.replace(
        recipe,
        learning_rate=1e-30,
        num_train_epochs=10.0,
        evals_per_epoch=2,
        early_stopping_patience=2,
        metric_for_best_model="accuracy",
    )
    trace = fit(frozen, made(96), tmp_path).trace
    assert len(trace.column("eval_accuracy")) == 3
    assert trace.kept_step == trace.best_step == trace.column("eval_accuracy").steps[0]


@pytest.mark.parametrize(
    "change",
    [
        {"class_weights": "balanced"},
        {"label_smoothing": 0.1},
        {"dropout": 0.5},
        {"precision": "bf16"},
        {"max_length": 3},
        {"gradient_accumulation_steps": 2},
    ],
)
def test_each_setting_is_obeyed(recipe: Recipe, tmp_path: Path, change: dict[str, object]) -> None:
    """Each setting changes what is learned."""
    short = dataclasses.replace(recipe, max_steps=4)
    uneven = made(100)
    plain = fit(short, uneven, tmp_path / "a").trace.column("loss").values
    changed = (
        fit(
            dataclasses.replace(short, **change),  # type: ignore[arg-type]
            uneven,
            tmp_path / "b",
        )
        .trace.column("loss")
        .values
    )
    assert not np.array_equal(plain, changed)


def test_bad_input_gets_one_sentence(recipe: Recipe, tmp_path: Path) -> None:
    """Each names the place."""
    data = made(30)
    unseen = dataclasses.replace(data, test=split(["x"], ["purple"], name="test"))
    with pytest.raises(InputError, match=r"test\.csv, line 2: label 'purple' never occurs"):
        fit(recipe, unseen, tmp_path)
    with pytest.raises(InputError, match="at least 2 classes, this has 1"):
        fit(recipe, Dataset(train=split(["a", "b"], ["x", "x"]), evaluation=data.train), tmp_path)
    with pytest.raises(InputError, match="not a model folder"):
        fit(dataclasses.replace(recipe, model=str(tmp_path)), data, tmp_path)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="cannot be read"):
        fit(dataclasses.replace(recipe, model=str(broken)), data, tmp_path)
    with pytest.raises(SettingsError, match="metric_for_best_model"):
        fit(dataclasses.replace(recipe, metric_for_best_model="bleu"), data, tmp_path)


def test_interrupt_leaves_a_readable_run(recipe: Recipe, tmp_path: Path) -> None:
    """Ctrl-C passes through; what was logged stays."""
    from tunewell.core.progress import Silent
    from tunewell.train.fit import fit as train

    class Impatient(Silent):
        left = 5

        def advance(self, units: int = 1) -> None:
            self.left -= units
            if not self.left:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, made(96), folder=tmp_path, progress=Impatient(), threads=1)
    trace, state = read_run(tmp_path)
    assert not trace.finished
    assert len(trace.column("loss")) == 4
    assert state is not None


def test_a_second_run_in_the_folder_keeps_the_first(recipe: Recipe, tmp_path: Path) -> None:
    """The older events lie beside the newer."""
    short = dataclasses.replace(recipe, max_steps=2)
    fit(short, made(30), tmp_path)
    fit(dataclasses.replace(short, max_steps=3), made(30), tmp_path)
    assert (tmp_path / "events.1.jsonl").is_file()
    assert read_trace(tmp_path).last_step == 3


def test_hold_out_is_stratified_and_keeps_duplicates_together() -> None:
    """Each class gives its share; texts that differ in case and space alone stay together."""
    dataset = made(300)
    texts = [*dataset.train.texts, *(f"  {text.upper()} " for text in dataset.train.texts[:60])]
    labels = [*dataset.train.labels, *dataset.train.labels[:60]]
    held = hold_out(Dataset(train=split(texts, labels)))
    assert held.evaluation is not None
    kept = {fold(text) for text in held.train.texts}
    assert not kept & {fold(text) for text in held.evaluation.texts}
    assert len(held.train) + len(held.evaluation) == 360
    for label in WORDS:
        assert 16 <= list(held.evaluation.labels).count(label) <= 22
    again = hold_out(Dataset(train=split(texts, labels)))
    assert list(again.evaluation.texts) == list(held.evaluation.texts)  # type: ignore[union-attr]
    with pytest.raises(InputError, match="two distinct texts"):
        hold_out(Dataset(train=split(["a", "A", "b"], ["x", "x", "y"])))


def test_a_run_on_the_processor_teaches_a_plan_for_a_gpu_nothing(
    recipe: Recipe, tmp_path: Path
) -> None:
    """It measured no memory of a GPU: nothing is corrected, and nothing fails."""
    from tunewell.facts.prediction import compared
    from tunewell.plan import corrections
    from tunewell.subjects.prediction import Prediction
    from tunewell.train.fit import fit as train

    file = tmp_path / "runs" / "prediction.json"
    corrections.write_prediction(file, Prediction(10**9, 10**9, "L4", "bert", "a", 0.1))
    result = train(recipe, made(240), folder=tmp_path / "run", threads=1, prediction=file)
    assert result.trace.finished
    assert result.trace.prediction is not None
    assert compared(result.trace) == ()
    assert not file.with_name(corrections.NAME).exists()
