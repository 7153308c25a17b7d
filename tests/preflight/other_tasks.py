"""Healthy trainers of every task but language modelling on chats, each tiny and made here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tests.preflight import tiny

COUNT = 24
LABELS = ("negative", "neutral", "positive")
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def built(kind: Any, **parts: Any) -> Any:
    """A trainer, made without the libraries' remarks."""
    from tunewell.train.quiet import quiet

    with quiet(1):
        return kind(**parts)


def arguments(out: Path, kind: Any = None, **settings: Any) -> Any:
    """Settings of a short training; TRL's own read a name that transformers will take away."""
    from tunewell.train.quiet import quiet

    with quiet(1):
        return tiny.arguments(out, kind, **settings)


def named(names: Sequence[str] = LABELS) -> dict[str, Any]:
    """The settings of a head with these names."""
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: number for number, name in enumerate(names)},
    }


def accuracy(prediction: Any) -> dict[str, float]:
    """The share of right classes."""
    guessed = np.argmax(prediction.predictions, axis=-1)
    return {"accuracy": float((guessed == prediction.label_ids).mean())}


def classified(count: int = COUNT, *, shift: int = 0) -> list[dict[str, Any]]:
    """Tokenised sentences of three classes."""
    tokens = tiny.tokenizer()
    said = tiny.sentences(count + shift)[shift:]
    return [{**tokens(text), "labels": at % 3} for at, text in enumerate(said)]


def classifier(  # noqa: PLR0913  what a test may want otherwise
    out: Path,
    *,
    rows: Any = None,
    judged: Any = None,
    model: Any = None,
    collator: Any = None,
    tokens: Any = None,
    compute_metrics: Any = accuracy,
    preprocess: Any = None,
    kind: Any = None,
    without_tokenizer: bool = False,
    **settings: Any,
) -> Any:
    """Single-label classification with accuracy at every epoch. `rows` may be a ready data set."""
    from transformers import DataCollatorWithPadding, Trainer

    tokens = tokens or tiny.tokenizer()
    chosen = {"eval_strategy": "epoch", "per_device_eval_batch_size": 8, **settings}
    return built(
        kind or Trainer,
        model=model or tiny.encoder(**named()),
        args=arguments(out, **chosen),
        train_dataset=_data(classified() if rows is None else rows),
        eval_dataset=_data(classified(12, shift=COUNT) if judged is None else judged),
        data_collator=collator or DataCollatorWithPadding(tokens),
        processing_class=None if without_tokenizer else tokens,
        compute_metrics=compute_metrics,
        preprocess_logits_for_metrics=preprocess,
    )


def _data(rows: Any) -> Any:
    return tiny.dataset(rows) if isinstance(rows, list) else rows


def multi_label(out: Path, **settings: Any) -> Any:
    """Several labels a row, as zeros and ones of floats."""
    tokens = tiny.tokenizer()

    def score(prediction: Any) -> dict[str, float]:
        return {"exact": float(((prediction.predictions > 0) == prediction.label_ids).mean())}

    rows = [
        {**tokens(text), "labels": [float(at % 2), float(at % 3 == 0), 0.0]}
        for at, text in enumerate(tiny.sentences(COUNT))
    ]
    model = tiny.encoder(**named(), problem_type="multi_label_classification")
    return classifier(
        out, rows=rows, judged=rows[:8], model=model, compute_metrics=score, **settings
    )


def regression(out: Path, **settings: Any) -> Any:
    """One number a row, of many values."""
    tokens = tiny.tokenizer()

    def score(prediction: Any) -> dict[str, float]:
        return {"mse": float(((prediction.predictions[:, 0] - prediction.label_ids) ** 2).mean())}

    rows = [
        {**tokens(text), "labels": 0.37 * at % 5} for at, text in enumerate(tiny.sentences(COUNT))
    ]
    model = tiny.encoder(num_labels=1)
    return classifier(
        out, rows=rows, judged=rows[:8], model=model, compute_metrics=score, **settings
    )


def stars(out: Path, **settings: Any) -> Any:
    """Regression on whole numbers on purpose: the problem type says so."""
    tokens = tiny.tokenizer()
    rows = [
        {**tokens(text), "labels": float(1 + at % 5)}
        for at, text in enumerate(tiny.sentences(COUNT))
    ]
    model = tiny.encoder(num_labels=1, problem_type="regression")
    return classifier(
        out, rows=rows, judged=rows[:8], model=model, compute_metrics=None, **settings
    )


def tagged(
    count: int = COUNT,
    *,
    align: Callable[[Sequence[int | None], Sequence[int]], list[int]] | None = None,
    keep: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Tokenised words with tags, the first piece of a word alone labelled."""
    tokens = tiny.tokenizer()
    rows = []
    for at, text in enumerate(tiny.sentences(count)):
        words = [*text.split(), "Annabellina", "Christophersen"]
        tags = [0] * (len(words) - 2) + [1 + 2 * (at % 2), 2 + 2 * (at % 2)]
        encoded = tokens(words, is_split_into_words=True)
        labels = (align or first_pieces)(encoded.word_ids(), tags)
        given = {"tokens": words, "ner_tags": tags}
        rows.append({**encoded, "labels": labels, **{name: given[name] for name in keep}})
    return rows


def first_pieces(words: Sequence[int | None], tags: Sequence[int]) -> list[int]:
    """The usual alignment: further pieces of a word are not trained."""
    before: int | None = None
    labels = []
    for word in words:
        labels.append(-100 if word is None or word == before else tags[word])
        before = word
    return labels


def tagger(out: Path, *, rows: Any = None, **settings: Any) -> Any:
    """Named entities."""
    from transformers import DataCollatorForTokenClassification

    def score(prediction: Any) -> dict[str, float]:
        counted = prediction.label_ids != -100
        right = np.argmax(prediction.predictions, axis=-1) == prediction.label_ids
        return {"accuracy": float(right[counted].mean())}

    rows = tagged(keep=("tokens", "ner_tags")) if rows is None else rows
    return classifier(
        out,
        **{
            "rows": rows,
            "judged": rows[:8],
            "model": tiny.encoder("TokenClassification", **named(TAGS)),
            "collator": DataCollatorForTokenClassification(tiny.tokenizer()),
            "compute_metrics": score,
            **settings,
        },
    )


def questions(count: int = COUNT) -> list[dict[str, Any]]:
    """Questions on a context with the place of the answer among the tokens."""
    tokens = tiny.tokenizer()
    rows = []
    for at, text in enumerate(tiny.sentences(count)):
        question, context = "what runs over the table", f"{text} near {tiny.WORDS[at]} house"
        answer = tiny.WORDS[at]
        begin = context.rindex(f" {answer} ") + 1
        encoded = tokens(question, context, return_offsets_mapping=True)
        offsets, parts = encoded.pop("offset_mapping"), encoded.sequence_ids()
        inside = [
            place
            for place, ((low, high), part) in enumerate(zip(offsets, parts, strict=True))
            if part == 1 and high > begin and low < begin + len(answer)
        ]
        rows.append(
            {
                **encoded,
                "start_positions": inside[0],
                "end_positions": inside[-1],
                "context": context,
                "question": question,
                "answers": {"text": [answer], "answer_start": [begin]},
            }
        )
    return rows


def answerer(out: Path, *, rows: Any = None, **settings: Any) -> Any:
    """Extractive question answering."""
    from transformers import DataCollatorWithPadding

    judged = questions(COUNT + 8)[COUNT:] if rows is None else rows[:8]
    rows = questions() if rows is None else rows
    return classifier(
        out,
        **{
            "rows": rows,
            "judged": judged,
            "model": tiny.encoder("QuestionAnswering"),
            "collator": DataCollatorWithPadding(tiny.tokenizer()),
            "compute_metrics": None,
            **settings,
        },
    )


def translated(count: int = COUNT) -> list[dict[str, Any]]:
    """Sentences with a target that ends."""
    tokens = tiny.tokenizer()
    said = tiny.sentences(2 * count)
    return [
        {**tokens(said[at]), "labels": [*tokens(said[at + count])["input_ids"], 1]}
        for at in range(count)
    ]


def exact_match(prediction: Any) -> dict[str, float]:
    """The share of equal texts, decoded as the documentation shows."""
    tokens = tiny.tokenizer()
    given = np.where(prediction.label_ids != -100, prediction.label_ids, tokens.pad_token_id)
    made = np.where(prediction.predictions != -100, prediction.predictions, tokens.pad_token_id)
    pairs = zip(
        tokens.batch_decode(made, skip_special_tokens=True),
        tokens.batch_decode(given, skip_special_tokens=True),
        strict=True,
    )
    return {"exact_match": float(np.mean([one == other for one, other in pairs]))}


def translator(
    out: Path, *, rows: Any = None, model: Any = None, compute_metrics: Any = exact_match,
    collator: Any = None, tokens: Any = None, **settings: Any,
) -> Any:  # fmt: skip
    """Sequence to sequence, judged by what it writes."""
    from transformers import DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments

    model = tiny.seq2seq() if model is None else model
    tokens = tokens or tiny.tokenizer()
    rows = translated() if rows is None else rows
    chosen = {
        "predict_with_generate": True, "generation_max_length": 24, "eval_strategy": "epoch",
        **settings,
    }  # fmt: skip
    return built(
        Seq2SeqTrainer,
        model=model,
        args=arguments(out, Seq2SeqTrainingArguments, **chosen),
        train_dataset=_data(rows),
        eval_dataset=_data(rows[:8] if isinstance(rows, list) else rows),
        data_collator=collator or DataCollatorForSeq2Seq(tokens, model=model),
        processing_class=tokens,
        compute_metrics=compute_metrics,
    )


def masked(out: Path, **settings: Any) -> Any:
    """Masked language modelling."""
    from transformers import DataCollatorForLanguageModeling

    tokens = tiny.tokenizer()
    rows = [dict(tokens(text)) for text in tiny.sentences(COUNT)]
    return classifier(
        out,
        rows=rows,
        judged=rows[:8],
        model=tiny.encoder("MaskedLM"),
        collator=DataCollatorForLanguageModeling(tokens, mlm_probability=0.3),
        compute_metrics=None,
        **settings,
    )


def pairs(count: int = COUNT) -> list[dict[str, str]]:
    """Preferences."""
    said = tiny.sentences(3 * count)
    return [
        {"prompt": said[at], "chosen": said[at + count], "rejected": said[at + 2 * count]}
        for at in range(count)
    ]


def dpo(
    out: Path, *, rows: Any = None, model: Any = None, tokens: Any = None, **settings: Any
) -> Any:
    """Direct preference optimisation of an adapter."""
    from trl import DPOConfig, DPOTrainer

    judged = pairs(COUNT + 8)[COUNT:] if rows is None else rows[:8]
    rows = pairs() if rows is None else rows
    return built(
        DPOTrainer,
        model=model or tiny.lora(tiny.causal()),
        args=arguments(
            out, DPOConfig, **{"eval_strategy": "epoch", "learning_rate": 1e-5, **settings}
        ),
        train_dataset=_data(rows),
        eval_dataset=_data(judged),
        processing_class=tokens or tiny.tokenizer(),
    )


def kto(out: Path, **settings: Any) -> Any:
    """Rows that are liked or not."""
    from trl import KTOConfig, KTOTrainer

    said = tiny.sentences(3 * COUNT)
    rows = [
        {"prompt": said[at], "completion": said[at + COUNT + 8], "label": at % 2 == 0}
        for at in range(COUNT + 8)
    ]
    return built(
        KTOTrainer,
        model=tiny.lora(tiny.causal()),
        args=arguments(
            out, KTOConfig, **{"eval_strategy": "epoch", "learning_rate": 1e-5, **settings}
        ),
        train_dataset=tiny.dataset(rows[:COUNT]),
        eval_dataset=tiny.dataset(rows[COUNT:]),
        processing_class=tiny.tokenizer(),
    )


def scorer(**settings: Any) -> Any:
    """A Llama with a head of one output."""
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    torch.manual_seed(0)
    chosen = {"num_labels": 1, "pad_token_id": 2, **settings}
    return LlamaForSequenceClassification(
        LlamaConfig(
            vocab_size=400, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256, **chosen,
        )
    )  # fmt: skip


def reward(out: Path, *, rows: Any = None, model: Any = None, **settings: Any) -> Any:
    """A reward model."""
    from trl import RewardConfig, RewardTrainer

    judged = pairs(COUNT + 8)[COUNT:] if rows is None else rows[:8]
    rows = pairs() if rows is None else rows
    return built(
        RewardTrainer,
        model=model or scorer(),
        args=arguments(out, RewardConfig, **{"eval_strategy": "epoch", **settings}),
        train_dataset=_data(rows),
        eval_dataset=_data(judged),
        processing_class=tiny.tokenizer(),
    )


def sentence_model() -> Any:
    """A tiny BERT with mean pooling."""
    import tempfile

    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    with tempfile.TemporaryDirectory() as folder:
        tiny.encoder("MaskedLM").bert.save_pretrained(folder)
        tiny.tokenizer(template=None).save_pretrained(folder)
        body = Transformer(folder)
    return SentenceTransformer(modules=[body, Pooling(32)], device="cpu")


def embedder(out: Path, *, rows: Any = None, loss: Any = None, **settings: Any) -> Any:
    """An embedding model on pairs with the others of the batch as negatives."""
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    said = tiny.sentences(3 * COUNT)
    made = [{"anchor": said[at], "positive": said[at + COUNT + 8]} for at in range(COUNT + 8)]
    judged = made[COUNT:] if rows is None else rows[:8]
    rows = made[:COUNT] if rows is None else rows
    chosen = {"batch_sampler": "no_duplicates", "eval_strategy": "epoch", **settings}
    from tunewell.train.quiet import quiet

    with quiet(1):
        model = sentence_model()
        return SentenceTransformerTrainer(
            model,
            args=arguments(out, SentenceTransformerTrainingArguments, **chosen),
            train_dataset=_data(rows),
            eval_dataset=_data(judged),
            loss=(loss or MultipleNegativesRankingLoss)(model),
        )


def plain_torch(out: Path, **settings: Any) -> Any:
    """A data set of torch's own, with tensors in its rows."""
    import torch
    from torch.utils.data import Dataset

    class Rows(Dataset[Any]):
        def __init__(self, rows: list[dict[str, Any]]) -> None:
            self._rows = rows

        def __len__(self) -> int:
            return len(self._rows)

        def __getitem__(self, at: int) -> dict[str, Any]:
            return {name: torch.tensor(value) for name, value in self._rows[at].items()}

    return classifier(
        out, rows=Rows(classified()), judged=Rows(classified(8, shift=COUNT)), **settings
    )


def streamed(out: Path, **settings: Any) -> Any:
    """Data sets that can only be walked through, again and again."""
    from datasets import IterableDataset

    def walk(first: int, count: int) -> Any:
        yield from classified(count, shift=first)

    return classifier(
        out,
        rows=IterableDataset.from_generator(walk, gen_kwargs={"first": 0, "count": COUNT}),
        judged=IterableDataset.from_generator(walk, gen_kwargs={"first": COUNT, "count": 8}),
        **settings,
    )


def causal_classifier(out: Path, **settings: Any) -> Any:
    """A decoder that classifies, with a pad token."""
    return classifier(out, model=scorer(num_labels=3), **settings)


class SpeechCollator:
    """The collator of the usual Whisper example. `cut` is the token that it cuts from labels."""

    def __init__(self, tokens: Any, cut: int) -> None:
        self.tokenizer, self.cut = tokens, cut

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        """Features stacked, labels padded with -100."""
        import torch

        batch = {"input_features": torch.tensor([row["input_features"] for row in rows])}
        labels = self.tokenizer.pad(
            [{"input_ids": row["labels"]} for row in rows], return_tensors="pt"
        )
        ids = labels["input_ids"].masked_fill(labels["attention_mask"].ne(1), -100)
        if (ids[:, 0] == self.cut).all():
            ids = ids[:, 1:]
        return {**batch, "labels": ids}


def transcriber(out: Path, *, cut: int = 3, **settings: Any) -> Any:
    """A tiny Whisper whose texts begin with token 3, its start of a transcript."""
    import torch
    from transformers import (
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        WhisperConfig,
        WhisperForConditionalGeneration,
    )

    torch.manual_seed(0)
    tokens = tiny.tokenizer()
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=400, num_mel_bins=8, d_model=16, encoder_layers=1, decoder_layers=1,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
            decoder_ffn_dim=16, max_source_positions=10, max_target_positions=32,
            pad_token_id=2, bos_token_id=0, eos_token_id=1, decoder_start_token_id=3,
            suppress_tokens=None, begin_suppress_tokens=None,
        )
    )  # fmt: skip
    rows = [
        {
            "input_features": np.random.default_rng(at).normal(size=(8, 20)).tolist(),
            "labels": [3, *tokens(text)["input_ids"], 1],
        }
        for at, text in enumerate(tiny.sentences(12))
    ]
    return built(
        Seq2SeqTrainer,
        model=model,
        args=arguments(
            out, Seq2SeqTrainingArguments, **{"remove_unused_columns": False, **settings}
        ),
        train_dataset=tiny.dataset(rows),
        data_collator=SpeechCollator(tokens, cut),
        processing_class=tokens,
    )


HEALTHY: Mapping[str, Callable[..., Any]] = {
    "single label": classifier,
    "multi label": multi_label,
    "regression": regression,
    "regression on whole numbers on purpose": stars,
    "token classification": tagger,
    "question answering": answerer,
    "seq2seq with generation": translator,
    "masked language model": masked,
    "DPO": dpo,
    "KTO": kto,
    "reward": reward,
    "embedding": embedder,
    "plain torch data set": plain_torch,
    "iterable data set": streamed,
    "decoder that classifies": causal_classifier,
    "speech": transcriber,
}
"""Every kind of training that nothing may be said about."""
