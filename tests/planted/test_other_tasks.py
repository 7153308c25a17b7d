"""Faults of classifiers, taggers, translators, rewards and embeddings, in real trainers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.checks.data.test_answer_span_lost import moved
from tests.checks.data.test_begin_tags_on_word_pieces import WORDS, on_every_piece
from tests.checks.data.test_classes_learned_as_numbers import one_output
from tests.checks.data.test_collator_fails import one_length, unpadded
from tests.checks.data.test_column_taken_out import weighted
from tests.checks.data.test_decoder_not_shifted import BOS, START, by_hand
from tests.checks.data.test_label_shape_does_not_fit_head import one_hot
from tests.checks.data.test_mostly_padding import lengths
from tests.checks.data.test_no_training_rows import too_long
from tests.checks.data.test_padding_trained_in_targets import PAD, padded
from tests.checks.data.test_preference_cut_to_its_beginning import shared_beginning
from tests.checks.data.test_row_depends_on_padding import decoder
from tests.checks.data.test_same_text_as_negative import repeated
from tests.checks.data.test_second_text_dropped import NAMES, pairs
from tests.checks.data.test_words_without_label import by_offsets
from tests.checks.metrics.test_best_metric_not_produced import chosen_by
from tests.checks.metrics.test_evaluation_not_repeatable import functional
from tests.checks.metrics.test_generation_depends_on_padding import decoder as continued
from tests.checks.metrics.test_generation_shorter_than_targets import long_targets
from tests.checks.metrics.test_metric_function_raises import argmax, decode_labels, first
from tests.planted.planting import ENOUGH, Planted, assert_found, long_enough, unjudged
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.test_labels_and_head import with_names


def classifier(out: Path, **chosen: Any) -> Any:
    return tasks.classifier(out, **{**ENOUGH, **chosen})


def tagger(out: Path, **chosen: Any) -> Any:
    return tasks.tagger(out, **{**ENOUGH, **chosen})


def translator(out: Path, **chosen: Any) -> Any:
    return tasks.translator(out, **{**ENOUGH, **chosen})


def dpo(out: Path, **chosen: Any) -> Any:
    return tasks.dpo(out, **{**ENOUGH, **chosen})


def judged_by(out: Path, **chosen: Any) -> Any:
    """A classifier whose best model is chosen by a rate of errors, evaluated every two steps."""
    settings = {
        "load_best_model_at_end": True, "metric_for_best_model": "error", "eval_steps": 2,
        "eval_strategy": "steps", "save_strategy": "steps", "save_steps": 2,
        "greater_is_better": False, "save_total_limit": 2,
    }  # fmt: skip
    return classifier(
        out, compute_metrics=lambda made: {"error": 1 - tasks.accuracy(made)["accuracy"]},
        **{**settings, **chosen},
    )  # fmt: skip


PLANTED = [
    pytest.param(
        Planted(
            lambda out: weighted(out, **ENOUGH),
            lambda out: weighted(out, remove_unused_columns=False, **ENOUGH),
            "DAT112",
            "column 'weight' is taken out before the loss sees it",
        ),
        marks=pytest.mark.reproduces("D23"),
        id="D23 a column that the loss reads is taken out",
    ),
    pytest.param(
        Planted(
            lambda out: long_enough(one_output(out, lambda at: at % 2)),
            classifier,
            "DAT113",
            "learned as numbers, by squared error",
        ),
        marks=pytest.mark.reproduces("D26"),
        id="D26 classes learned as numbers",
    ),
    pytest.param(
        Planted(
            lambda out: long_enough(with_names(out, ("positive", "neutral", "negative"))),
            lambda out: long_enough(with_names(out, tasks.LABELS)),
            "DAT062",
            "0 is 'positive' in the data and 'negative' in the model",
        ),
        marks=pytest.mark.reproduces("D29", "C04"),
        id="D29 C04 names in another order",
    ),
    pytest.param(
        Planted(
            lambda out: lengths(out, 128, 128, **ENOUGH),
            lambda out: lengths(out, **ENOUGH),
            "DAT120",
            "times as many tokens as their rows",
        ),
        marks=pytest.mark.reproduces("D37"),
        id="D37 mostly padding",
    ),
    pytest.param(
        Planted(
            lambda out: translator(out, rows=padded(PAD)),
            lambda out: translator(out, rows=padded(-100)),
            "DAT114",
            "are padding (token 2)",
        ),
        marks=pytest.mark.reproduces("D39"),
        id="D39 padding among the targets",
    ),
    pytest.param(
        Planted(
            lambda out: long_enough(by_hand(out, shift=False)),
            lambda out: long_enough(by_hand(out, shift=True)),
            "DAT115",
            "have at each place the very token",
        ),
        marks=pytest.mark.reproduces("D40"),
        id="D40 the decoder reads what it should write",
    ),
    pytest.param(
        Planted(
            lambda out: tagger(out, rows=tasks.tagged(align=on_every_piece, keep=WORDS)),
            lambda out: tagger(out, rows=tasks.tagged(keep=WORDS)),
            "DAT116",
            "begins a span on several pieces",
        ),
        marks=pytest.mark.reproduces("D44"),
        id="D44 a beginning on every piece",
    ),
    pytest.param(
        Planted(
            lambda out: tagger(out, rows=by_offsets(begins=1)),
            lambda out: tagger(out, rows=by_offsets(begins=0)),
            "DAT117",
            "has a label: all are -100",
        ),
        marks=pytest.mark.reproduces("D46"),
        id="D46 words without a label",
    ),
    pytest.param(
        Planted(
            lambda out: unjudged(tasks.answerer(out, rows=moved(-5))),
            lambda out: unjudged(tasks.answerer(out, rows=moved(0))),
            "DAT118",
            "do not decode to the answer",
        ),
        marks=pytest.mark.reproduces("D47"),
        id="D47 answer spans at the wrong place",
    ),
    pytest.param(
        Planted(
            lambda out: tasks.transcriber(out, cut=BOS, **ENOUGH),
            lambda out: tasks.transcriber(out, cut=START, **ENOUGH),
            "DAT115",
            "begin with the decoder's start token (3)",
        ),
        marks=pytest.mark.reproduces("D50"),
        id="D50 a doubled start token",
    ),
    pytest.param(
        Planted(
            lambda out: unjudged(pairs(out, "premise")),
            lambda out: unjudged(pairs(out, *NAMES)),
            "DAT119",
            "column 'hypothesis' is not among the tokens",
        ),
        marks=pytest.mark.reproduces("D59"),
        id="D59 the second text is dropped",
    ),
    pytest.param(
        Planted(
            lambda out: long_enough(unpadded(out)),
            lambda out: long_enough(one_length(out)),
            "DAT110",
            "is not padded",
        ),
        marks=pytest.mark.reproduces("D61"),
        id="D61 rows that are not padded",
    ),
    pytest.param(
        Planted(
            lambda out: long_enough(one_hot(out)),
            classifier,
            "DAT111",
            "labels are vectors of 3 numbers",
        ),
        marks=pytest.mark.reproduces("D62"),
        id="D62 one-hot labels for one class a row",
    ),
    pytest.param(
        Planted(
            lambda out: unjudged(tasks.dpo(out, rows=shared_beginning(24), max_length=30)),
            lambda out: unjudged(tasks.dpo(out, max_length=30)),
            "DAT121",
            "the same tokens on both sides",
        ),
        marks=pytest.mark.reproduces("R03"),
        id="R03 answers cut to a shared beginning",
    ),
    pytest.param(
        Planted(
            lambda out: dpo(out, rows=too_long(24), max_length=30),
            dpo,
            "DAT123",
            "holds no row",
        ),
        marks=pytest.mark.reproduces("R03"),
        id="R03 every row is taken out",
    ),
    pytest.param(
        Planted(
            lambda out: long_enough(functional(out, follow=False)),
            lambda out: long_enough(functional(out, follow=True)),
            "MET023",
            "drawn at random in evaluation mode",
        ),
        marks=pytest.mark.reproduces("E01"),
        id="E01 dropout in evaluation",
    ),
    pytest.param(
        Planted(
            lambda out: judged_by(out, greater_is_better=None),
            judged_by,
            "HYP005",
            "greater_is_better is true",
        ),
        marks=pytest.mark.reproduces("E02"),
        id="E02 the direction is guessed wrongly",
    ),
    pytest.param(
        Planted(
            lambda out: judged_by(out, save_steps=500),
            judged_by,
            "MET010",
            "only the last is saved",
        ),
        marks=pytest.mark.reproduces("E05"),
        id="E05 the best step is never saved",
    ),
    pytest.param(
        Planted(
            lambda out: chosen_by(out, "f1", **ENOUGH),
            lambda out: chosen_by(out, "accuracy", **ENOUGH),
            "MET021",
            "'eval_loss', 'eval_accuracy'",
        ),
        marks=pytest.mark.reproduces("E04"),
        id="E04 a metric that is not produced",
    ),
    pytest.param(
        Planted(
            lambda out: translator(out, predict_with_generate=False, compute_metrics=argmax),
            lambda out: translator(out, predict_with_generate=False, compute_metrics=first),
            "MET020",
            "a tuple of 2 arrays",
        ),
        marks=pytest.mark.reproduces("E06"),
        id="E06 a tuple of arrays",
    ),
    pytest.param(
        Planted(
            lambda out: classifier(out, label_names=["target"]),
            classifier,
            "MET022",
            "looks for labels under 'target'",
        ),
        marks=pytest.mark.reproduces("E07"),
        id="E07 wrong label names",
    ),
    pytest.param(
        Planted(
            lambda out: translator(out, compute_metrics=decode_labels),
            translator,
            "MET020",
            "it decodes the labels, which hold -100",
        ),
        marks=pytest.mark.reproduces("E08"),
        id="E08 minus one hundred is decoded",
    ),
    pytest.param(
        Planted(
            lambda out: translator(out, rows=long_targets(), generation_max_length=None),
            lambda out: translator(out, rows=long_targets(), generation_max_length=42),
            "MET025",
            "evaluation may write 20 tokens",
        ),
        marks=pytest.mark.reproduces("E09"),
        id="E09 generation stops at its default",
    ),
    pytest.param(
        Planted(
            lambda out: long_enough(continued(out, "right")),
            lambda out: long_enough(continued(out, "left")),
            "MET024",
            "padded on the right than alone",
        ),
        marks=pytest.mark.reproduces("E10"),
        id="E10 generation behind padding",
    ),
    pytest.param(
        Planted(
            lambda out: decoder(out, 7, without_tokenizer=True, **ENOUGH),
            lambda out: decoder(out, 2, without_tokenizer=True, **ENOUGH),
            "DAT122",
            "padded with token 2, and config.pad_token_id is 7",
        ),
        marks=pytest.mark.reproduces("E11"),
        id="E11 another padding token",
    ),
    pytest.param(
        Planted(
            lambda out: decoder(out, None, without_tokenizer=True, **ENOUGH),
            lambda out: decoder(out, 2, without_tokenizer=True, **ENOUGH),
            "DAT122",
            "knows no padding token",
        ),
        marks=pytest.mark.reproduces("E12"),
        id="E12 no padding token",
    ),
    pytest.param(
        Planted(
            lambda out: unjudged(repeated(out, times=4)),
            lambda out: unjudged(repeated(out, times=1)),
            "DAT124",
            "of the same anchor or positive",
        ),
        marks=pytest.mark.reproduces("M01"),
        id="M01 the same text as a negative",
    ),
]  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_the_cause_comes_first(planted: Planted, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert_found(planted, tmp_path)


def test_trl_guards_a_reward_model_itself(tmp_path: Path) -> None:
    # R17 no longer exists in TRL 1.16: several outputs are refused, and the model is given the
    # padding token that its rows are padded with. E11 is the same fault in a Trainer.
    with pytest.raises(ValueError, match="num_labels=1"):
        tasks.reward(tmp_path, model=tasks.scorer(num_labels=2))
    trainer = tasks.reward(tmp_path, model=tasks.scorer(pad_token_id=7))
    assert trainer.model.config.pad_token_id == tiny.tokenizer().pad_token_id
