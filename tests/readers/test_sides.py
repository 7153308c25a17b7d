"""Writing a new text into preference pairs."""

import pytest

from tunewell.subjects.layout import Kind, Layout

LAYOUT = Layout(Kind.PREFERENCE, {"chosen": "chosen", "rejected": "rejected"})
DIALOGUE = "\n\nHuman: yes\n\nAssistant: yes\n\nHuman: mail bo@x.se\n\nAssistant: "


def test_a_turn_of_a_dialogue_is_written_on_both_sides() -> None:
    record = {"chosen": DIALOGUE + "yes", "rejected": DIALOGUE + "no"}
    LAYOUT.write(record, 2, "mail [EMAIL]")
    assert record["chosen"] == DIALOGUE.replace("bo@x.se", "[EMAIL]") + "yes"
    assert record["rejected"] == DIALOGUE.replace("bo@x.se", "[EMAIL]") + "no"


def test_a_repeated_turn_is_told_apart_and_a_side_is_written_alone() -> None:
    record = {"chosen": DIALOGUE + "yes", "rejected": DIALOGUE + "no"}
    LAYOUT.write(record, 1, "sure")
    assert record["chosen"].startswith("\n\nHuman: yes\n\nAssistant: sure\n\nHuman")
    LAYOUT.write(record, 3, "fine")
    assert record["chosen"].endswith("Assistant: fine")
    assert record["rejected"].endswith("Assistant: no")
    LAYOUT.write(record, 4, "never")
    assert record["rejected"].endswith("Assistant: never")


def test_a_shared_message_is_written_on_both_sides() -> None:
    def side(answer: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": "hi"}, {"role": "assistant", "content": answer}]

    record = {"chosen": side("yes"), "rejected": side("no")}
    LAYOUT.write(record, 0, "hello")
    assert record["chosen"][0]["content"] == record["rejected"][0]["content"] == "hello"
    LAYOUT.write(record, 2, "never")
    assert record["rejected"][1]["content"] == "never"
    assert record["chosen"][1]["content"] == "yes"


def test_tokens_are_written_where_the_tags_still_fit() -> None:
    layout = Layout(Kind.TAGGING, {"tokens": "tokens", "label": "tags"})
    record = {"tokens": ["to", "cafX"], "tags": ["O", "B"]}
    layout.write(record, 0, "to café")
    assert record["tokens"] == ["to", "café"]
    with pytest.raises(ValueError, match="no column of its own"):
        layout.write(record, 0, "to the café")
