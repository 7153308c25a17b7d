"""Every shape of fine-tuning data that is met in the wild, by the columns of a row."""

import json
from pathlib import Path
from typing import Any

import pytest

from tunewell.core.errors import InputError
from tunewell.readers.data import read_split
from tunewell.subjects.dataset import MESSAGES, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Parts, Role
from tunewell.subjects.reading import Irregular
from tunewell.testing import rows

ASK = "How do I descale the kettle in the office kitchen"
SAY = "Fill it with water and citric acid, let it stand for an hour, and rinse it twice."
Records = list[dict[str, Any]]
WORDS = ("kettle", "toaster", "oven", "mixer", "grinder", "freezer", "heater", "blender")


def many(**columns: object) -> Records:
    """Thirty rows whose texts differ: "%" in a text stands for the row's number."""

    def numbered(value: object, at: int) -> object:
        if isinstance(value, str):
            return value.replace("%", f"{WORDS[at % 8]} {at}")
        if isinstance(value, list):
            return [numbered(item, at) for item in value]
        if isinstance(value, dict):
            return {key: numbered(item, at) for key, item in value.items()}
        return value

    return [{name: numbered(value, at) for name, value in columns.items()} for at in range(30)]


def first(split: Split) -> list[tuple[Role, str]]:
    """The parts of the first row."""
    assert isinstance(split.parts, Parts)
    return split.parts.of_row(0)


U, A, S = Role.PROMPT, Role.ANSWER, Role.SYSTEM
SHAREGPT = [{"from": "human", "value": "% a"}, {"from": "gpt", "value": "% b"}]
OPENAI = [{"role": "user", "content": "% a"}, {"role": "assistant", "content": "% b"}]
KINDS: dict[str, tuple[Records, Kind, list[Role]]] = {
    "ShareGPT": (many(id="%", conversations=SHAREGPT), Kind.CHAT, [U, A]),
    "ShareGPT with system and tools": (
        many(system="be brief", tools='[{"name": "f"}]', conversations=SHAREGPT),
        Kind.CHAT,
        [S, Role.TOOL, U, A],
    ),
    "OpenAI": (many(messages=OPENAI), Kind.CHAT, [U, A]),
    "messages as JSON in a text": (many(messages=json.dumps(OPENAI)), Kind.CHAT, [U, A]),
    "messages as two lists": (
        many(messages={"role": ["user", "assistant"], "content": ["% a", "% b"]}),
        Kind.CHAT,
        [U, A],
    ),
    "role and value": (
        many(
            conversations=[{"role": "user", "value": "% a"}, {"role": "assistant", "value": "% b"}]
        ),
        Kind.CHAT,
        [U, A],
    ),
    "pairs of human and assistant": (
        many(conversation=[{"human": "% a", "assistant": "% b"}]),
        Kind.CHAT,
        [U, A],
    ),
    "UltraChat": (many(id="%", data=["% a", "% b", "% c", "% d"]), Kind.CHAT, [U, A, U, A]),
    "Alpaca": (
        many(instruction="% a", input="% b", output="% c", text="% all of it"),
        Kind.INSTRUCTION,
        [U, Role.INPUT, A],
    ),
    "Dolly": (
        many(instruction="% a", context="% b", response="% c", category="open_qa"),
        Kind.INSTRUCTION,
        [U, Role.INPUT, A],
    ),
    "LLaMA-Factory with history": (
        many(
            instruction="% a", input="", output="% c", system="be brief", history=[["% e", "% f"]]
        ),
        Kind.INSTRUCTION,
        [S, U, A, U, A],
    ),
    "LLaMA-Factory with a KTO tag": (
        many(instruction="% a", input="", output="% c", kto_tag=True),
        Kind.UNPAIRED,
        [U, A],
    ),
    "ShareGPT with a KTO tag": (
        many(conversations=SHAREGPT, kto_tag=False),
        Kind.UNPAIRED,
        [U, A],
    ),
    "LLaMA-Factory preference": (
        many(
            conversations=SHAREGPT[:1],
            chosen={"from": "gpt", "value": "% good"},
            rejected={"from": "gpt", "value": "% bad"},
        ),
        Kind.PREFERENCE,
        [U, Role.CHOSEN, Role.REJECTED],
    ),
    "HH dialogue": (
        many(
            chosen="\n\nHuman: % a\n\nAssistant: good", rejected="\n\nHuman: % a\n\nAssistant: bad"
        ),
        Kind.PREFERENCE,
        [U, Role.CHOSEN, Role.REJECTED],
    ),
    "distilabel": (
        many(instruction="% a", chosen_response="% b", rejected_response="% c"),
        Kind.PREFERENCE,
        [U, Role.CHOSEN, Role.REJECTED],
    ),
    "FLAN": (many(inputs=f"{ASK} %", targets=f"{SAY} %", task="t"), Kind.COMPLETION, [U, A]),
    "OpenOrca": (
        many(id="%", system_prompt="be brief", question=f"{ASK} %", response=f"{SAY} %"),
        Kind.COMPLETION,
        [S, U, A],
    ),
    "SQuAD": (
        many(
            id="%",
            title="%",
            context=f"{SAY} %",
            question=f"{ASK} %",
            answers={"text": ["an hour"], "answer_start": [9]},
        ),
        Kind.COMPLETION,
        [Role.INPUT, U, A],
    ),
    "SQuAD without an answer": (
        [
            *many(context=f"{SAY} %", question="% a", answers={"text": [], "answer_start": []}),
            {
                "context": SAY,
                "question": ASK,
                "answers": {"text": ["an hour"], "answer_start": [1]},
            },
        ],
        Kind.COMPLETION,
        [Role.INPUT, U],
    ),
    "summary": (many(document=f"{SAY} %", summary="descale the %"), Kind.COMPLETION, [U, A]),
    "CNN": (many(article=f"{SAY} %", highlights="about the %", id="%"), Kind.COMPLETION, [U, A]),
    "SAMSum": (many(id="%", dialogue=f"Ann: {ASK} %", summary="on the %"), Kind.COMPLETION, [U, A]),
    "translation": (
        many(id="%", translation={"en": "the % is cold", "de": "% ist kalt"}),
        Kind.COMPLETION,
        [U, A],
    ),
    "MATH": (many(problem=f"{ASK} %", solution=f"{SAY} %", level="1"), Kind.COMPLETION, [U, A]),
    "KTO from a CSV": (
        many(prompt=f"{ASK} %", completion=f"{SAY} %", label="True"),
        Kind.UNPAIRED,
        [U, A],
    ),
    "query, pos, neg": (
        many(query=f"{ASK} %", pos=["% a", "% b"], neg=["% c"]),
        Kind.PAIRS,
        [Role.TEXT, Role.SECOND, Role.SECOND, Role.NEGATIVE],
    ),
    "axolotl's segments": (
        many(segments=[{"label": False, "text": "<s>% a"}, {"label": True, "text": "% b</s>"}]),
        Kind.COMPLETION,
        [U, A],
    ),
    "MMLU": (
        many(question=f"{ASK} %", subject="home", choices=["% a", "% b"], answer=1),
        Kind.COMPLETION,
        [U, Role.INPUT, Role.INPUT, A],
    ),
    "ARC": (
        many(
            id="%",
            question=f"{ASK} %",
            choices={"text": ["% a", "% b"], "label": ["A", "B"]},
            answerKey="A",
        ),
        Kind.COMPLETION,
        [U, Role.INPUT, Role.INPUT, A],
    ),
    "C4": (many(text=f"{SAY * 3} %", timestamp="2019-%", url="a/%"), Kind.TEXT, [Role.TEXT]),
    "Pile": (many(text=f"{SAY * 3} %", meta={"set": "web"}), Kind.TEXT, [Role.TEXT]),
    "plain text": (many(text=f"{SAY} %"), Kind.TEXT, [Role.TEXT]),
}


@pytest.mark.parametrize("name", KINDS)
def test_kind_and_parts(name: str) -> None:
    records, kind, roles = KINDS[name]
    split = rows(records).train
    assert split.kind is kind
    assert [role for role, _ in first(split)] == roles
    assert not split.broken
    assert not split.irregular


UNUSABLE: dict[str, tuple[Records, str]] = {
    "only two texts beside scores": (
        many(question={"text": "%"}, answer_0="% a", answer_1="% b", score_0=1, score_1=-1),
        "two answers a row",
    ),
    "SHP": (many(history="%", human_ref_A="% a", human_ref_B="% b", labels=1), "which is better"),
    "arena": (
        many(conversation_a=OPENAI, conversation_b=OPENAI, winner="model_a"),
        "two answers a row",
    ),
    "ranked": (many(instruction="%", output=["% a", "% b"]), "a list of answers as 'output'"),
    "self-instruct": (
        many(instruction="%", instances=[{"input": "%", "output": "%"}]),
        "for each instruction",
    ),
    "OpenAssistant": (
        many(message_id="%", parent_id="%", role="prompter", text=f"{SAY} %", lang="en"),
        "one message a row",
    ),
    "token numbers": (many(input_ids=[1, 2], attention_mask=[1, 1], labels=[1, 2]), "token number"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_known_shapes_that_are_no_rows_are_named(name: str) -> None:
    records, clause = UNUSABLE[name]
    with pytest.raises(InputError, match=clause):
        rows(records)


def test_a_list_of_data_sets_is_no_data_set(tmp_path: Path) -> None:
    file = tmp_path / "dataset_info.json"
    entries = {"mine": {"file_name": "mine.json", "columns": {"prompt": "q", "response": "a"}}}
    file.write_text(json.dumps(entries))
    with pytest.raises(InputError, match=r"names data sets and holds none.*mine\.json"):
        read_split(file, name="train")


CLASSIFIED: dict[str, Records] = {
    "scores beside texts": many(text=f"{ASK} %", answer_0="%", label="good")[:29],
    "text with a property": many(text=f"{ASK} %", source="web", label="good")[:29],
    "review with a summary": many(text=f"{SAY} %", summary="not bad, %", label="good")[:29],
    "news with a headline": many(headline="the %", text=f"{SAY} %", category="sport")[:29],
    "text to label": many(input=f"{ASK} %", output="descale")[:29],
    "instruction-like names": many(inputs=f"{ASK} %", target="descale")[:29],
    "question and class": many(question=f"{ASK} %", answer="yes")[:29],
}


@pytest.mark.parametrize("name", CLASSIFIED)
def test_classification_stays_classification(name: str) -> None:
    records = CLASSIFIED[name]
    other = {k: "another" if v in {"good", "sport", "descale", "yes"} else v
             for k, v in records[0].items()}  # fmt: skip
    assert rows([*records, other, other]).train.kind is Kind.CLASSIFICATION


@pytest.mark.parametrize("name", [n for n in KINDS if n not in {"HH dialogue", "MMLU"}])
def test_every_part_can_be_written_back(name: str) -> None:
    records, _, _ = KINDS[name]
    layout = rows(records).train.source.layout
    record = json.loads(json.dumps(records[0]))
    for at in range(len(layout.read(record).parts)):
        layout.write(record, at, f"new {at}")
    assert [part.text for part in layout.read(record).parts] == [
        f"new {at}" for at in range(len(layout.read(records[0]).parts))
    ]


def test_a_tool_call_and_its_result() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    split = rows(
        [
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "c1", "content": "1"},
                    {"role": "tool", "tool_call_id": "c2", "content": "1"},
                    {"role": "assistant", "function_call": {"name": "f", "arguments": "no"}},
                ]
            }
        ]
    ).train
    roles = [U, Role.TOOL_CALL, Role.TOOL, Role.TOOL, Role.TOOL_CALL]
    assert [role for role, _ in first(split)] == roles
    assert [(note.what, note.detail) for note in split.irregular] == [
        (Irregular.TOOL_CALL, "a result answers a call that no turn before it made"),
        (Irregular.TOOL_CALL, "arguments are not valid JSON"),
    ]


def test_pieces_of_one_message_belong_together() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    record = {"images": ["1.png"], "messages": [{"role": "user", "content": content}]}
    split = rows([record]).train
    assert split.parts is not None
    assert split.parts.opens is not None
    assert split.parts.opens.tolist() == [True, False]
    assert {name: list(counts) for name, counts in split.media.items()} == {
        "images": [1],
        MESSAGES: [1],
    }


def test_role_words_are_counted_as_written() -> None:
    assert rows(many(conversations=SHAREGPT)).train.role_words == {"human": 30, "gpt": 30}


@pytest.mark.parametrize(
    ("record", "joined"),
    [
        (
            {"conversations": [{"from": "human", "value": t} for t in "ab"]},
            {"conversations": [{"from": "human", "value": "a\n\nb"}]},
        ),
        (
            {"messages": json.dumps([{"role": "user", "content": t} for t in "ab"])},
            {"messages": json.dumps([{"role": "user", "content": "a\n\nb"}])},
        ),
        (
            {"messages": {"role": ["user", "user"], "content": ["a", "b"]}},
            {"messages": {"role": ["user"], "content": ["a\n\nb"]}},
        ),
        (
            {"system": "a", "messages": [{"role": "user", "content": "b"}]},
            {"system": "", "messages": [{"role": "user", "content": "a\n\nb"}]},
        ),
    ],
)
def test_turns_are_joined_where_they_stand(record: dict[str, Any], joined: dict[str, Any]) -> None:
    layout = rows([record]).train.source.layout
    changed = json.loads(json.dumps(record))
    layout.join(changed, [(0, 1)])
    assert changed == joined
