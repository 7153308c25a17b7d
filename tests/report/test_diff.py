"""Edits as the lines of a diff."""

from hypothesis import given
from hypothesis import strategies as st

from tunewell.core.finding import SetKey, SetText
from tunewell.report.diff import CONTEXT, TEXT_SHOWN, around_change, diff

LONG = st.text(st.characters(min_codepoint=97, max_codepoint=100), max_size=400)


@given(LONG, LONG)
def test_a_change_is_shown_in_few_characters(old: str, new: str) -> None:
    before, after = around_change(old, new)
    for shown, whole in ((before, old), (after, new)):
        assert len(shown) <= TEXT_SHOWN + 2 * CONTEXT + 3
        assert all(piece in whole for piece in shown.split("…"))
    assert (before == after) == (old == new)


def test_what_differs_is_what_is_shown() -> None:
    before, after = "a" * 300, "b" * 300
    assert around_change(f"{before} wrong {after}", f"{before} right {after}") == (
        f"…{'a' * 29} wrong {'b' * 29}…",
        f"…{'a' * 29} right {'b' * 29}…",
    )


def test_many_texts_are_counted() -> None:
    edits = [SetText(split="train", row=row, old="a", new="b") for row in range(10)]
    lines = diff(edits)
    assert lines[-1].text == "and 7 more texts"
    assert len(lines) == 10


def shown(file: str, key: str, path: str = "learning_rate") -> list[str]:
    wanted = SetKey(path=path, old="fp16", new="bf16", file=file, line=3, key=key)
    return [line.text for line in diff([wanted])]


def test_a_setting_is_shown_as_its_file_writes_it() -> None:
    assert shown("a.yaml", "x.lr") == ["a.yaml:3", 'x.lr: "fp16"', 'x.lr: "bf16"']
    assert shown("a.json", "lr")[1:] == ['"lr": "fp16"', '"lr": "bf16"']
    assert shown("a.py", "TrainingArguments.lr")[1:] == ["lr='fp16'", "lr='bf16'"]
    assert shown("tunewell.toml", "lr")[1:] == ['lr = "fp16"', 'lr = "bf16"']
    switched = ["fp16: true", "bf16: true", "fp16: false"]
    assert shown("a.yaml", "fp16", "precision")[1:] == switched
