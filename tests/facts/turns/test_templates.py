"""Rendering conversations through chat templates."""

import pytest
from tests.facts.templates import CHATML, GEMMA, LLAMA_3, MISTRAL, model

from tunewell.core.errors import InputError
from tunewell.facts.turns.conversations import conversation, shapes
from tunewell.facts.turns.templates import RefusedError, template_of
from tunewell.testing import rows

ASKS = {"role": "user", "content": "a"}
SAYS = {"role": "assistant", "content": "b"}
RULES = {"role": "system", "content": "s"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
CALLS = {"role": "assistant", "content": None, "tool_calls": [CALL]}
TOLD = {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "1"}


@pytest.mark.parametrize(
    ("template", "messages", "text"),
    [
        (CHATML, [ASKS, SAYS], "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>"),
        (GEMMA, [ASKS, SAYS], "<s><start_of_turn>user\na<end_of_turn>\n<start_of_turn>model\nb"),
        (MISTRAL, [RULES, ASKS, SAYS], "<s>[INST] a[/INST] b</s>"),
        (MISTRAL, [RULES, ASKS], "<s>[INST] s\n\na[/INST]"),
        (LLAMA_3, [ASKS], "<s><|start_header_id|>system<|end_header_id|>\n\n01 Jan 2024<|eot_id|>"),
        (LLAMA_3, [ASKS, CALLS], '{"name": "f", "arguments": {"x": 1}}<|eot_id|>'),
    ],
)
def test_rendered(template: str, messages: list[dict[str, object]], text: str) -> None:
    made = template_of(model(template))
    assert made is not None
    assert text in made.render(messages, None)


@pytest.mark.parametrize(
    ("template", "messages", "reason"),
    [
        (GEMMA, [RULES, ASKS, SAYS], "System role not supported"),
        (GEMMA, [ASKS, ASKS], "must alternate"),
        (MISTRAL, [SAYS, ASKS], "must alternate"),
        (MISTRAL, [ASKS, {"role": "narrator", "content": "x"}], "Only user and assistant"),
        (LLAMA_3, [{"role": "assistant", "tool_calls": [CALL, CALL]}], "single tool-calls"),
        ("{{ messages[0].content.__class__.__mro__ }}", [ASKS], "unsafe"),
        ("{{ messages[9].content.text }}", [ASKS], "has no (element|attribute)"),
        ("{% for x in range(10**9) %}{% endfor %}", [ASKS], "Range too big"),
    ],
)
def test_refused(template: str, messages: list[dict[str, object]], reason: str) -> None:
    made = template_of(model(template))
    assert made is not None
    with pytest.raises(RefusedError, match=reason):
        made.render(messages, None)


def test_no_template_and_a_broken_one() -> None:
    assert template_of(None) is None
    assert template_of(model(None)) is None
    with pytest.raises(InputError, match="no Jinja template"):
        template_of(model("{% for %}"))


def test_messages_come_back_as_they_were() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    split = rows([{"messages": [RULES, ASKS, CALLS, TOLD, SAYS], "tools": tools}]).train
    made = conversation(split, 0)
    # Whether a call stands beside null or beside an empty text is not kept.
    assert made.messages == [RULES, ASKS, CALLS | {"content": ""}, TOLD, SAYS]
    assert made.tools == tools


def test_pieces_of_a_message_are_one_again() -> None:
    pieces = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    split = rows([{"messages": [{"role": "user", "content": pieces}, SAYS]}]).train
    assert conversation(split, 0).messages == [{"role": "user", "content": "ab"}, SAYS]


def test_chosen_side_is_the_conversation() -> None:
    other = {"role": "assistant", "content": "c"}
    split = rows([{"chosen": [ASKS, SAYS], "rejected": [ASKS, other]}]).train
    assert conversation(split, 0).messages == [ASKS, SAYS]
    assert [list(found) for found in shapes(split).values()] == [[0]]


def test_a_template_of_pieces_takes_plain_texts() -> None:
    made = template_of(model("{% for m in messages %}{{ m.content[0].text.strip() }}{% endfor %}"))
    assert made is not None
    assert made.render([ASKS, SAYS], None) == "ab"


@pytest.mark.parametrize("name", ["qwen3", "qwen2_5", "llama3_1", "deepseek_r1_distill", "phi3_5"])
@pytest.mark.parametrize("asks", [False, True], ids=["whole", "prompt"])
def test_published_templates_are_rendered_as_transformers_does(name: str, asks: bool) -> None:
    from tests.facts.conversations import TOOL
    from tests.facts.reasoning_templates import published
    from tests.preflight import tiny

    tokens = tiny.tokenizer(template=published(name).replace("strftime_now(", "str("))
    messages = [ASKS, SAYS, ASKS] if asks else [ASKS, SAYS]
    made = template_of(model(tokens.chat_template))
    assert made is not None
    assert made.render(messages, [TOOL], asks=asks) == tokens.apply_chat_template(
        messages, tools=[TOOL], tokenize=False, add_generation_prompt=asks
    )
