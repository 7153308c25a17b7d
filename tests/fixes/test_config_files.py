"""Edits of configuration files and scripts: the new value is read, and nothing else changes."""

import json
import keyword
from difflib import ndiff
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tunewell.core.finding import RenameKey, SetKey, SettingValue
from tunewell.facts.config_files.json_tree import parse_json
from tunewell.facts.config_files.yaml_tree import parse_yaml
from tunewell.fixes.config_files import CannotEditError, edit_text
from tunewell.readers.recipes import read_script_recipe

YAML = """# a run
model: base   # the base

optimizer:
    _component_: torch.optim.AdamW   # ours
    lr: 3e-4
    betas: [0.9, 0.999]
'quoted': "text"   # in quotes
wandb_project:
tags:
  - a
  # between
  - b
fused: True
shared: &shared
  x: 1
other:
  <<: *shared
  y: 2
alias: *shared
flow: {a: 1, b: 2}
block: |
  two
  lines

last: 1   # the end
"""


def edit(path: str, new: SettingValue, key: str | None = None, line: int | None = None) -> SetKey:
    return SetKey(path=path, old=None, new=new, key=key or path, line=line)


def changed_lines(old: str, new: str) -> list[str]:
    return [
        line
        for line in ndiff(old.splitlines(keepends=True), new.splitlines(keepends=True))
        if line[0] in "+-"
    ]


SETS: dict[str, tuple[str, Any, list[str]]] = {
    "a number": ("optimizer.lr", 1e-5, ["-     lr: 3e-4\n", "+     lr: 1.0e-05\n"]),
    "before a comment": ("model", "other", ["- model: base   # the base\n",
                                            "+ model: other   # the base\n"]),
    "in quotes": ("quoted", "new", ["- 'quoted': \"text\"   # in quotes\n",
                                    "+ 'quoted': \"new\"   # in quotes\n"]),
    "nothing there yet": ("wandb_project", "p", ["- wandb_project:\n", "+ wandb_project: p\n"]),
    "a list in a line": ("optimizer.betas", ("a", "b"), ["-     betas: [0.9, 0.999]\n",
                                                         "+     betas: [a, b]\n"]),
    "a list of lines": ("tags", ("c",), ["-   - a\n", "+   - c\n", "-   # between\n",
                                         "-   - b\n"]),
    "with its capital": ("fused", False, ["- fused: True\n", "+ fused: False\n"]),
    "in braces": ("flow.a", 7, ["- flow: {a: 1, b: 2}\n", "+ flow: {a: 7, b: 2}\n"]),
    "added to braces": ("flow.c", "x", ["- flow: {a: 1, b: 2}\n", "+ flow: {a: 1, b: 2, c: x}\n"]),
    "added to a mapping": ("optimizer.fused", True, ["+     fused: true\n"]),
    "added at the end": ("seed", 42, ["+ seed: 42\n"]),
    "added with a parent": ("new.inner.key", 0.5, ["+ new:\n", "+   inner:\n", "+     key: 0.5\n"]),
    "added below nothing": ("wandb_project.name", "x", ["+   name: x\n"]),
    "over what was merged": ("other.x", 5, ["+   x: 5\n"]),
    "taken out": ("model", None, ["- model: base   # the base\n"]),
    "taken out of braces": ("flow.a", None, ["- flow: {a: 1, b: 2}\n", "+ flow: {b: 2}\n"]),
    "taken out at the end of braces": ("flow.b", None, ["- flow: {a: 1, b: 2}\n",
                                                        "+ flow: {a: 1}\n"]),
    "a list taken out": ("tags", None, ["- tags:\n", "-   - a\n", "-   # between\n", "-   - b\n"]),
    "a block taken out": ("block", None, ["- block: |\n", "-   two\n", "-   lines\n"]),
    "a block replaced": ("block", "x", ["- block: |\n", "+ block: x\n", "-   two\n",
                                        "-   lines\n"]),
    "taken out and not there": ("nowhere", None, []),
    "like a number": ("model", "1e5", ["- model: base   # the base\n",
                                       '+ model: "1e5"   # the base\n']),
    "like a truth": ("model", "on", ["- model: base   # the base\n",
                                     '+ model: "on"   # the base\n']),
    "a token": ("quoted", "<|end|>", ["- 'quoted': \"text\"   # in quotes\n",
                                      "+ 'quoted': \"<|end|>\"   # in quotes\n"]),
}  # fmt: skip


@pytest.mark.parametrize("case", SETS)
def test_yaml_changes_these_lines_and_no_other(case: str) -> None:
    key, value, lines = SETS[case]
    new = edit_text(YAML, ".yaml", [edit(key, value)])
    assert [line for line in changed_lines(YAML, new) if line[2:].strip()] == lines
    found = parse_yaml(new).find(key)
    wanted = list(value) if isinstance(value, tuple) else value
    assert (None if found is None else found.value) == wanted
    assert yaml.safe_load(new) is not None


REFUSED: dict[str, tuple[str, str, SetKey | RenameKey]] = {
    "an alias": (YAML, ".yaml", edit("alias.x", 1)),
    "a mapping": (YAML, ".yaml", edit("optimizer", 1)),
    "below a text": (YAML, ".yaml", edit("model.x", 1)),
    "damaged": ("a: [1", ".yaml", edit("a", 1)),
    "no such key": (YAML, ".yaml", RenameKey(key="nowhere", new="x")),
    "the new name is there": (YAML, ".yaml", RenameKey(key="model", new="last")),
    "JSON below a number": ('{"a": 1}', ".json", edit("a.b", 1)),
    "no such call": ("x = 1\n", ".py", edit("seed", 1, "TrainingArguments.seed", 1)),
    "two calls": ("f(a=1)\nf(a=2)\n", ".py", edit("a", 3, "f.a", 9)),
    "from elsewhere": ("f(g=make())\n", ".py", edit("x", 3, "f.g.x", 1)),
    "not Python": ("def f(:\n", ".py", edit("a", 3, "f.a", 1)),
    "no name in the file": ("a: 1\n", ".yaml", SetKey(path="task", old=None, new="sft")),
    "another kind": ("a: 1\n", ".txt", edit("a", 1)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_place_is_refused_in_words(case: str) -> None:
    text, suffix, refused = REFUSED[case]
    with pytest.raises(CannotEditError, match="cannot be changed here"):
        edit_text(text, suffix, [refused])


def test_yaml_keys_are_renamed() -> None:
    new = edit_text(YAML, ".yaml", [RenameKey(key="optimizer.lr", new="rate"),
                                    RenameKey(key="quoted", new="said")])  # fmt: skip
    assert changed_lines(YAML, new) == [
        "-     lr: 3e-4\n", "+     rate: 3e-4\n",
        "- 'quoted': \"text\"   # in quotes\n", "+ 'said': \"text\"   # in quotes\n",
    ]  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_the_mark_of_a_file_stay(newline: str, mark: str) -> None:
    text = mark + newline.join(["a: 1", "b:", "  c: 2", ""])
    new = edit_text(text, ".yaml", [edit("b.d", 3), edit("a", 5)])
    assert new == mark + newline.join(["a: 5", "b:", "  c: 2", "  d: 3", ""])


def test_a_file_without_a_last_line_end_and_an_empty_one() -> None:
    assert edit_text("a: 1", ".yaml", [edit("b", 2)]) == "a: 1\nb: 2"
    assert edit_text("# none\n", ".yaml", [edit("b", 2)]) == "# none\nb: 2\n"


JSON = """{
    "a": 1,
    "inner": {"x": [1, 2], "y": "é"},
    "last": true
}
"""
JSON_SETS: dict[str, tuple[str, Any, list[str]]] = {
    "a number": ("a", 2e-5, ['-     "a": 1,\n', '+     "a": 2e-05,\n']),
    "within": ("inner.y", "z", ['-     "inner": {"x": [1, 2], "y": "é"},\n',
                                '+     "inner": {"x": [1, 2], "y": "z"},\n']),
    "added": ("b", "é", ['-     "last": true\n', '+     "last": true,\n', '+     "b": "é"\n']),
    "added within": ("inner.z.w", 1, ['-     "inner": {"x": [1, 2], "y": "é"},\n',
                                      '+     "inner": {"x": [1, 2], "y": "é", "z": {"w": 1}},\n']),
    "taken out": ("a", None, ['-     "a": 1,\n']),
    "taken out at the end": ("last", None, ['-     "inner": {"x": [1, 2], "y": "é"},\n',
                                            '+     "inner": {"x": [1, 2], "y": "é"}\n',
                                            '-     "last": true\n']),
}  # fmt: skip


@pytest.mark.parametrize("case", JSON_SETS)
def test_json_keeps_its_order_and_indentation(case: str) -> None:
    key, value, lines = JSON_SETS[case]
    new = edit_text(JSON, ".json", [edit(key, value)])
    assert changed_lines(JSON, new) == lines
    found = parse_json(new).find(key)
    assert (None if found is None else found.value) == value


def test_json_on_one_line_and_empty() -> None:
    assert edit_text('{"a": 1}', ".json", [edit("b", True)]) == '{"a": 1, "b": true}'
    assert edit_text("{}", ".json", [edit("b", ("x",))]) == '{"b": ["x"]}'
    assert edit_text('{"a": 1}', ".json", [edit("a", None)]) == "{}"
    assert edit_text('{"a": 1}', ".json", [RenameKey(key="a", new="b")]) == '{"b": 1}'


SCRIPT = """import os
common = dict(bf16=True, extra={"use_reentrant": False})
args = TrainingArguments(
    "out",
    learning_rate=1e-8,  # oops
    seed=int(os.environ["SEED"]),
    **common,
)
other = TrainingArguments("o", learning_rate=1.0)
trainer = Trainer(model=model, args=args, tokenizer=tok)
config = LoraConfig(
    r=8,  # rank
    lora_alpha=16  # alpha
)
empty = TrainingArguments()
"""
SCRIPT_SETS: dict[str, tuple[str, Any, int, list[str]]] = {
    "set": ("TrainingArguments.learning_rate", 5e-5, 5,
            ["-     learning_rate=1e-8,  # oops\n", "+     learning_rate=5e-05,  # oops\n"]),
    "set in the other call": ("TrainingArguments.learning_rate", 0.5, 9,
            ['- other = TrainingArguments("o", learning_rate=1.0)\n',
             '+ other = TrainingArguments("o", learning_rate=0.5)\n']),
    "added before what is unpacked": ("TrainingArguments.weight_decay", 0.1, 3,
            ["+     weight_decay=0.1,\n"]),
    "added on the line": ("TrainingArguments.bf16", True, 9,
            ['- other = TrainingArguments("o", learning_rate=1.0)\n',
             '+ other = TrainingArguments("o", learning_rate=1.0, bf16=True)\n']),
    "added behind a comment": ("LoraConfig.modules_to_save", ("lm_head",), 11,
            ["-     lora_alpha=16  # alpha\n", "+     lora_alpha=16,  # alpha\n",
             '+     modules_to_save=["lm_head"]\n']),
    "added to nothing": ("TrainingArguments.seed", 1, 15,
            ["- empty = TrainingArguments()\n", "+ empty = TrainingArguments(seed=1)\n"]),
    "taken out": ("TrainingArguments.learning_rate", None, 5,
            ["-     learning_rate=1e-8,  # oops\n"]),
    "taken out on the line": ("Trainer.tokenizer", None, 10,
            ["- trainer = Trainer(model=model, args=args, tokenizer=tok)\n",
             "+ trainer = Trainer(model=model, args=args)\n"]),
    "in the dictionary": ("TrainingArguments.bf16", False, 2,
            ['- common = dict(bf16=True, extra={"use_reentrant": False})\n',
             '+ common = dict(bf16=False, extra={"use_reentrant": False})\n']),
    "within a dictionary": ("TrainingArguments.extra.use_reentrant", True, 2,
            ['- common = dict(bf16=True, extra={"use_reentrant": False})\n',
             '+ common = dict(bf16=True, extra={"use_reentrant": True})\n']),
}  # fmt: skip


@pytest.mark.parametrize("case", SCRIPT_SETS)
def test_scripts_change_these_lines_and_no_other(case: str) -> None:
    key, value, line, lines = SCRIPT_SETS[case]
    new = edit_text(SCRIPT, ".py", [edit(key, value, line=line)])
    assert [line for line in changed_lines(SCRIPT, new) if line[0] != "?"] == lines
    compile(new, "script", "exec")


def test_several_edits_of_a_script_keep_their_lines() -> None:
    edits: list[SetKey | RenameKey] = [
        edit("weight_decay", 0.1, "TrainingArguments.weight_decay", 3),
        edit("learning_rate", None, "TrainingArguments.learning_rate", 5),
        RenameKey(key="Trainer.tokenizer", new="processing_class", line=10),
        edit("adapter.r", 32, "LoraConfig.r", 12),
    ]
    new = edit_text(SCRIPT, ".py", edits)
    assert "weight_decay=0.1,\n    **common" in new
    assert "learning_rate=1e-8" not in new
    assert "processing_class=tok" in new
    assert "r=32,  # rank" in new


TERMS: dict[str, tuple[str, SetKey, str]] = {
    "modules in the words of torchtune": (
        "model:\n  lora_attn_modules: ['q_proj']\n  apply_lora_to_mlp: False\n",
        SetKey(path="adapter.target_modules", old=("q_proj",), key="model.lora_attn_modules",
               new=("q_proj", "o_proj", "gate_proj", "up_proj", "down_proj")),
        "model:\n  lora_attn_modules: [q_proj, output_proj]\n  apply_lora_to_mlp: True\n",
    ),
    "weights no longer in 16 bits": (
        "pure_bf16: true\n",
        SetKey(path="hardware.dtype", old="bfloat16", new="float32", key="pure_bf16"),
        "pure_bf16: false\n",
    ),
    "bf16 for fp16": ("fp16: true\n", SetKey(path="precision", old="fp16", new="bf16", key="fp16"),
                      "fp16: false\nbf16: true\n"),
    "neither": ("bf16: true\n", SetKey(path="precision", old="bf16", new="fp32", key="bf16"),
                "bf16: false\n"),
    "a reversed key": ("completion_only_loss: true\n",
                       SetKey(path="preparation.train_on_prompt", old=False, new=True,
                              key="completion_only_loss"), "completion_only_loss: false\n"),
    "a joined list": ("lora_target: q_proj\n",
                      SetKey(path="adapter.target_modules", old=("q_proj",),
                             new=("q_proj", "v_proj"), key="lora_target"),
                      'lora_target: "q_proj,v_proj"\n'),
    "every layer": ("lora_target: q_proj\n",
                    SetKey(path="adapter.target_modules", old=("q_proj",), new="all-linear",
                           key="lora_target"), "lora_target: all\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", TERMS)
def test_a_setting_is_written_in_the_words_of_its_file(case: str) -> None:
    text, wanted, written = TERMS[case]
    assert edit_text(text, ".yaml", [wanted]) == written


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=12
)
VALUES = st.one_of(
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    WORDS,
    st.lists(WORDS, max_size=3).map(tuple),
)
KEYS = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
FILES = st.dictionaries(
    KEYS, st.one_of(VALUES, st.dictionaries(KEYS, VALUES, min_size=1, max_size=3)), min_size=1,
    max_size=5,
)  # fmt: skip


def plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value


@given(FILES, KEYS, VALUES, st.booleans())
def test_yaml_reads_back_and_the_rest_stays(
    table: dict[str, Any],
    key: str,
    value: SettingValue,
    flow: bool,
) -> None:
    text = yaml.safe_dump(plain(table), default_flow_style=flow, sort_keys=False)
    text = "".join(f"{line}   # c\n" if not flow else f"{line}\n" for line in text.splitlines())
    old = yaml.safe_load(text)
    if isinstance(old.get(key), dict):
        return
    new = edit_text(text, ".yaml", [edit(key, value)])
    assert yaml.safe_load(new) == {**old, key: plain(value)}
    kept = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
    if not flow and key not in old:
        assert [line for line in new.splitlines() if line in kept] == kept
    gone = yaml.safe_load(edit_text(new, ".yaml", [edit(key, None)]))
    assert (gone or {}) == {k: v for k, v in old.items() if k != key}


@given(FILES, KEYS, VALUES, st.sampled_from([None, 1, 4]))
def test_json_reads_back_and_the_rest_stays(
    table: dict[str, Any],
    key: str,
    value: SettingValue,
    indent: int | None,
) -> None:
    text = json.dumps(plain(table), indent=indent)
    new = edit_text(text, ".json", [edit(key, value)])
    assert json.loads(new) == {**plain(table), key: plain(value)}
    if key not in table:
        gone = edit_text(new, ".json", [edit(key, None)])
        assert gone == text


@given(
    st.dictionaries(KEYS, VALUES, max_size=4), VALUES, st.sampled_from(["line", "lines", "tail"])
)
def test_scripts_read_back_and_the_rest_stays(
    keywords: dict[str, Any],
    value: SettingValue,
    layout: str,
) -> None:
    given_words = {k: v for k, v in keywords.items() if not keyword.iskeyword(k)}
    written = [f"{name}={plain(inner)!r}" for name, inner in given_words.items()]
    joined = {
        "line": f"({', '.join(written)})",
        "lines": "(\n    " + ",\n    ".join(written) + "\n)" if written else "()",
        "tail": "(\n" + "".join(f"    {word},  # c\n" for word in written) + ")",
    }[layout]
    text = f"before = 1  # kept\nargs = TrainingArguments{joined}\nafter = 2\n"
    new = edit_text(text, ".py", [edit("x", value, "TrainingArguments.weight_decay", 2)])
    found: dict[str, Any] = {"TrainingArguments": dict}
    exec(compile(new, "script", "exec"), found)  # noqa: S102  a script made here
    assert found["args"] == {**plain(given_words), "weight_decay": plain(value)}
    assert new.startswith("before = 1  # kept\n")
    assert new.endswith("after = 2\n")
    gone = edit_text(new, ".py", [edit("x", None, "TrainingArguments.weight_decay", 2)])
    again: dict[str, Any] = {"TrainingArguments": dict}
    exec(compile(gone, "script", "exec"), again)  # noqa: S102
    assert again["args"] == plain(given_words)


def test_a_change_of_a_script_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(f"from transformers import Trainer, TrainingArguments\n{SCRIPT}")
    recipe = read_script_recipe(path)
    place = recipe.places["learning_rate"]
    wanted = SetKey(path="learning_rate", old=1e-8, new=3e-5, key=place.key, line=place.line)
    path.write_text(edit_text(path.read_text(), ".py", [wanted]))
    assert read_script_recipe(path).learning_rate == 3e-5
