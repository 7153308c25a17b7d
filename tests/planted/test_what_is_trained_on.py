"""Faults of the first batch of a language model, in real trainers: labels, ends and templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.checks.data.test_answer_end_not_trained import OUTSIDE, with_ends
from tests.checks.data.test_labels_not_the_inputs import shifted
from tests.checks.data.test_row_without_trained_token import (
    MARKER,
    UNMARKED,
    by_length_arithmetic,
    by_template,
    from_the_marker_on,
    long_questions,
)
from tests.facts.conversations import calling, turns
from tests.facts.reasoning_templates import PLAIN_CHATML, QWEN_3, QWEN_3_TRAINING
from tests.facts.templates import CHATML, GEMMA
from tests.planted.planting import ENOUGH, Planted, assert_found
from tests.preflight import live, tiny

BOS_CHATML = "{{ bos_token }}" + tiny.CHATML
THINKS = "<think>\nwhere is the {} cat\n</think>\n\nthe dog runs"


def plain(rows: Any, **chosen: Any) -> Any:
    """A plain Trainer over tokenised rows, over as many steps as a real run takes."""
    return live.trainer(rows, **{**ENOUGH, **chosen})


def sft(out: Path, rows: Any = None, **chosen: Any) -> Any:
    """TRL's trainer on whole texts."""
    return tiny.sft(out, rows=rows, **{"assistant_only_loss": False, **ENOUGH, **chosen})


def answers(out: Path, **chosen: Any) -> Any:
    """TRL's trainer on the assistant's turns alone."""
    return tiny.sft(out, **{**ENOUGH, **chosen})


def texts(beginning: str = "") -> list[dict[str, Any]]:
    return [{"text": beginning + text} for text in tiny.sentences(40)]


def asked(prompt_ends: str = "", answer_begins: str = " ") -> list[dict[str, Any]]:
    said = tiny.sentences(40)
    return [
        {"prompt": f"{said[i]}{prompt_ends}", "completion": f"{answer_begins}{said[i + 20]}"}
        for i in range(20)
    ]


def masked_by_token(pad: str) -> Any:
    tokens = tiny.tokenizer(pad=pad)
    return plain(with_ends(), tokens=tokens, collator=live.masking_by_token(tokens))


def from_marker(marker: str) -> Any:
    tokens = tiny.tokenizer()
    rows = live.plain_rows([q + a for q, a in live.question_answer()], tokens)
    collator = from_the_marker_on(tokens, tokens(marker)["input_ids"])
    return plain(rows, tokens=tokens, collator=collator)


def templated(template: str, **chosen: Any) -> Any:
    return plain(by_template(template), tokens=tiny.tokenizer(template=template), **chosen)


def by_arithmetic(offset: int) -> Any:
    return plain(by_length_arithmetic(offset), tokens=tiny.tokenizer(bos=True))


def judged(dead: tuple[int, ...]) -> Any:
    """Eight evaluation rows in batches of two, of which some have no label."""
    rows = live.masked_rows(live.question_answer())
    held = [
        {**row, "labels": [-100] * len(row["labels"])} if at in dead else row
        for at, row in enumerate(rows[:8])
    ]
    return plain(rows[8:], evaluation=held, per_device_eval_batch_size=2,
                 logging_nan_inf_filter=False)  # fmt: skip


def without_a_mask() -> list[dict[str, Any]]:
    """Rows that were tokenised beforehand: TRL has nothing to make a mask of."""
    return live.plain_rows([question + answer for question, answer in live.question_answer()])


def thoughts() -> list[dict[str, Any]]:
    pairs = zip(tiny.WORDS, tiny.WORDS[5:], strict=False)
    return [turns("who", THINKS.format(one), "why", THINKS.format(two)) for one, two in pairs]


def padded(*, masked: bool) -> Any:
    """Rows padded by the tokenizer, whose labels are their inputs, masked or not."""
    from transformers import default_data_collator

    tokens = tiny.tokenizer()
    rows = []
    for text in tiny.sentences(20):
        made = tokens(text + "</s>", padding="max_length", max_length=40)
        kept = {name: made[name] for name in ("input_ids", "attention_mask")}
        labels = [
            token if known or not masked else -100
            for token, known in zip(kept["input_ids"], kept["attention_mask"], strict=True)
        ]
        rows.append({**kept, "labels": labels})
    return plain(rows, tokens=tokens, collator=default_data_collator)


def padding_token_added(*, resized: bool) -> Any:
    tokens = tiny.tokenizer()
    model = tiny.causal(len(tokens))
    tokens.add_special_tokens({"pad_token": "[PAD]"})
    if resized:
        model.resize_token_embeddings(len(tokens))
    rows = live.plain_rows([text + "</s>" for text in tiny.sentences(20)], tokens)
    return plain(rows, tokens=tokens, model=model, collator=live.masking_by_token(tokens))


def packed(out: Path, strategy: str) -> Any:
    return sft(out, tiny.chats(), eos_token="<|im_end|>", packing=True, max_length=64,
               packing_strategy=strategy)  # fmt: skip


def for_gaps(*, mlm: bool) -> Any:
    from transformers import DataCollatorForLanguageModeling

    tokens = tiny.tokenizer()
    collator = DataCollatorForLanguageModeling(tokens, mlm=mlm, seed=0)
    return plain(with_ends(), tokens=tokens, collator=collator)


def with_tools(out: Path, template: str, arguments: Any) -> Any:
    rows = [calling(arguments) for _ in range(24)]
    return sft(out, rows, tokens=tiny.tokenizer(template=template))


def masked_by_length(*, return_dict: bool) -> list[dict[str, Any]]:
    """Rows masked with the length of what `apply_chat_template` gives, as by TRL 0.24.

    Transformers 5 gives a mapping of two entries where version 4 gave a list of token ids.
    """
    tokens = tiny.tokenizer()
    rows = []
    for messages in (row["messages"] for row in tiny.chats()):
        ids = tokens.apply_chat_template(messages, return_dict=True)["input_ids"]
        asked = tokens.apply_chat_template(
            messages[:1], add_generation_prompt=True, return_dict=return_dict
        )
        mask = [0] * len(asked) + [1] * (len(ids) - len(asked))
        row = {"prompt": messages[:1], "completion": messages[1:]}
        rows.append({**row, "input_ids": ids, "completion_mask": mask})
    return rows


PLANTED = [
    pytest.param(
        Planted(
            lambda _: masked_by_token("</s>"),
            lambda _: masked_by_token("<pad>"),
            "DAT083",
            "it is also the padding token",
        ),
        marks=pytest.mark.reproduces("D01"),
        id="D01 the padding token is the end token",
    ),
    pytest.param(
        Planted(
            lambda _: plain(live.masked_rows(live.question_answer(end=""))),
            lambda _: plain(live.masked_rows(live.question_answer())),
            "DAT083",
            "without an end token",
        ),
        marks=pytest.mark.reproduces("D02"),
        id="D02 no end token in the rows",
    ),
    pytest.param(
        Planted(
            lambda out: answers(out, tokens=tiny.tokenizer(template=OUTSIDE)),
            answers,
            "DAT083",
            "outside the loss mask",
        ),
        marks=pytest.mark.reproduces("D03"),
        id="D03 the end of turn lies outside the mask",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, texts("<s>"), tokens=tiny.tokenizer(bos=True)),
            lambda out: sft(out, texts(), tokens=tiny.tokenizer(bos=True)),
            "DAT087",
            "twice",
        ),
        marks=pytest.mark.reproduces("D04"),
        id="D04 BOS in the text and by the tokenizer",
    ),
    pytest.param(
        Planted(
            lambda out: answers(out, tokens=tiny.tokenizer(bos=True)),
            lambda out: answers(out, tokens=tiny.tokenizer(template=BOS_CHATML, bos=True)),
            "DAT092",
            "BOS",
        ),
        marks=pytest.mark.reproduces("D05"),
        id="D05 a template without BOS",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, tiny.chats(), tokens=tiny.tokenizer(template=GEMMA)),
            lambda out: sft(out, tiny.chats()),
            "DAT100",
            "<end_of_turn>",
        ),
        marks=pytest.mark.reproduces("D06"),
        id="D06 the template of another model",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, asked(), collator=live.masking_by_token(tiny.tokenizer())),
            lambda out: sft(out, asked()),
            "DAT088",
            "TRL's default",
        ),
        marks=pytest.mark.reproduces("D07"),
        id="D07 prompts are trained",
    ),
    pytest.param(
        Planted(
            lambda _: from_marker(" " + MARKER),
            lambda _: from_marker("\n" + MARKER),
            "DAT082",
            "CompletionOnlyLM masks them",
        ),
        marks=pytest.mark.reproduces("D08"),
        id="D08 the response marker is not among the tokens",
    ),
    pytest.param(
        Planted(
            lambda _: templated(UNMARKED),
            lambda _: templated(tiny.CHATML),
            "DAT082",
            "without a {% generation %} block",
        ),
        marks=pytest.mark.reproduces("D09"),
        id="D09 a template that marks no answers",
    ),
    pytest.param(
        Planted(
            lambda _: plain(long_questions(40, 12)),
            lambda _: plain(long_questions(0, 200)),
            "DAT082",
            "40 of 40",
        ),
        marks=pytest.mark.reproduces("D10"),
        id="D10 every answer is cut off",
    ),
    pytest.param(
        Planted(
            lambda _: judged((2, 3)),
            lambda _: judged(()),
            "DAT084",
            "batch",
        ),
        marks=pytest.mark.reproduces("D11"),
        id="D11 an evaluation batch without a trained token",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, asked(" ", "")),
            lambda out: sft(out, asked("", " ")),
            "DAT094",
            "are one token",
        ),
        marks=pytest.mark.reproduces("D14"),
        id="D14 the prompt's end merges with the answer",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, thoughts(), tokens=tiny.tokenizer(template=QWEN_3)),
            lambda out: sft(out, thoughts(), tokens=tiny.tokenizer(template=QWEN_3_TRAINING)),
            "DAT096",
            "leaves reasoning out",
        ),
        marks=pytest.mark.reproduces("D15"),
        id="D15 thoughts of past turns are dropped",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, tiny.chats(), tokens=tiny.tokenizer(template=QWEN_3)),
            lambda out: sft(out, tiny.chats()),
            "DAT097",
            "<think>",
        ),
        marks=pytest.mark.reproduces("D17"),
        id="D17 an empty thought is added",
    ),
    pytest.param(
        Planted(
            lambda _: padded(masked=False),
            lambda _: padded(masked=True),
            "DAT086",
            "padding",
        ),
        marks=pytest.mark.reproduces("D38"),
        id="D38 padding among the labels",
    ),
    pytest.param(
        Planted(
            lambda _: padding_token_added(resized=False),
            lambda _: padding_token_added(resized=True),
            "DAT090",
            "has no vector",
        ),
        marks=pytest.mark.reproduces("D41"),
        id="D41 a token without a vector",
    ),
    pytest.param(
        Planted(
            lambda out: packed(out, "wrapped"),
            lambda out: packed(out, "bfd"),
            "DAT091",
            "packed texts see each other",
        ),
        marks=pytest.mark.reproduces("D54"),
        id="D54 packed chats see each other",
    ),
    pytest.param(
        Planted(
            lambda _: for_gaps(mlm=True),
            lambda _: for_gaps(mlm=False),
            "DAT085",
            "masked language modelling",
        ),
        marks=pytest.mark.reproduces("D55"),
        id="D55 the collator of masked language modelling",
    ),
    pytest.param(
        Planted(
            lambda _: by_arithmetic(0),
            lambda _: by_arithmetic(1),
            "DAT082",
            "come with all labels masked",
        ),
        marks=pytest.mark.reproduces("D60"),
        id="D60 masked by counted lengths that do not fit",
    ),
    pytest.param(
        Planted(
            lambda out: with_tools(out, CHATML, '{"city": "Oslo"}'),
            lambda out: with_tools(out, CHATML, {"city": "Oslo"}),
            "DAT098",
            "a text that is escaped within the JSON",
        ),
        marks=pytest.mark.reproduces("D63"),
        id="D63 tool arguments as a text",
    ),
    pytest.param(
        Planted(
            lambda out: with_tools(out, PLAIN_CHATML, '{"city": "Oslo"}'),
            lambda out: with_tools(out, CHATML, {"city": "Oslo"}),
            "DAT099",
            "leaves out the tools",
        ),
        marks=pytest.mark.reproduces("D64"),
        id="D64 a template without a place for tools",
    ),
    pytest.param(
        Planted(
            lambda _: plain(shifted(masked=False)),
            lambda _: plain(live.masked_rows(live.question_answer())),
            "DAT085",
            "shifted by hand",
        ),
        marks=pytest.mark.reproduces("O34"),
        id="O34 labels shifted by hand",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, masked_by_length(return_dict=True), completion_only_loss=True),
            lambda out: sft(out, masked_by_length(return_dict=False), completion_only_loss=True),
            "DAT088",
            "the prompt is trained",
        ),
        marks=pytest.mark.reproduces("V01"),
        id="V01 lengths of a mapping where a list was",
    ),
    pytest.param(
        Planted(
            lambda out: sft(out, without_a_mask(), completion_only_loss=True),
            lambda out: sft(out, asked(), completion_only_loss=True),
            "DAT088",
            "completion_only_loss",
        ),
        marks=pytest.mark.reproduces("V04"),
        id="V04 a mask that is no longer applied",
    ),
]  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_the_cause_comes_first(planted: Planted, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert_found(planted, tmp_path)
