"""Nothing that is secret is ever shown."""

import json
import string
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewell.core.document import Document, Section
from tunewell.core.finding import Finding, Fix, Safety, SetText, Table, Text
from tunewell.core.mask import mask, mask_all, mask_finding
from tunewell.core.secret_formats import is_placeholder
from tunewell.fixes.files import apply_fixes
from tunewell.readers.data import read_dataset
from tunewell.report import diff, machine

BASE62 = string.ascii_letters + string.digits
DIGITS = string.digits


def drawn(alphabet: str, length: int) -> st.SearchStrategy[str]:
    """Random characters that no placeholder rule takes for typed ones."""
    return st.text(alphabet, min_size=length, max_size=length).filter(
        lambda value: not is_placeholder(value)
    )


secret = st.one_of(
    drawn("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16).map(lambda body: "AKIA" + body),
    drawn(BASE62, 36).map(lambda body: "ghp_" + body),
    drawn(BASE62, 40).map(lambda body: f"sk-{body[:20]}T3BlbkFJ{body[20:]}"),
    drawn(BASE62, 24).map(lambda body: "sk_live_" + body),
    drawn(string.ascii_letters, 34).map(lambda body: "hf_" + body),
    drawn(BASE62 + "-_", 35).map(lambda body: "AIza" + body).filter(lambda key: key[-1] != "-"),
)
words = st.text(" abcdefgh.,\n", max_size=30)


def finding_with(text: str) -> Finding:
    """A finding that quotes a text everywhere a check could."""
    return Finding(
        message=f"the row says {text} and more",
        impact=f"leaks {text}",
        evidence=(
            Text(name="row", text=f"... {text}"),
            Table(name="rows", columns=("line", "text"), rows=((3, f"a {text} b"),), total=1),
        ),
        fixes=(
            Fix(
                title=f"replace {text}",
                safety=Safety.UNSAFE,
                edits=(SetText(split="train", row=0, old=f"a {text}", new=f"b {text}"),),
            ),
        ),
        code="DAT999",
        name="test",
    )


@settings(max_examples=150, deadline=None)
@given(secret, words, words)
def test_no_outlet_shows_a_secret(value: str, before: str, after: str) -> None:
    finding = mask_finding(finding_with(f"{before} {value} {after}"))
    document = Document(
        command="check",
        verdict="bad",
        tunewell="0",
        findings=(finding,),
        sections=(Section(id="x", title="x", text=f"see {value}"),),
    )
    assert value not in msgspec.json.encode(msgspec.structs.replace(finding, fixes=())).decode()
    assert value not in finding.fixes[0].title
    for shown in (document.to_json(), machine.jsonl(document), machine.github(document)):
        assert value not in shown
    assert all(value not in line.text for line in diff.diff(finding.fixes[0].edits))


@settings(max_examples=150, deadline=None)
@given(secret, words)
def test_masking_twice_is_masking_once(value: str, around: str) -> None:
    once = mask(f"{around} {value} {around}")
    assert value not in once
    assert mask(once) == once


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_plain_text_stays(text: str) -> None:
    assert mask(mask(text)) == mask(text)


def test_a_value_without_secrets_comes_back_itself() -> None:
    finding = finding_with("nothing")
    assert mask_all(finding) is finding


def test_paths_still_lead_somewhere() -> None:
    document = Document.from_json(
        '{"command": "check", "verdict": "", "tunewell": "0", "examined": '
        '[{"what": "data", "path": "/runs/+49 171 2345 918.csv", '
        '"reason": "call +49 171 2345 918"}]}'
    )
    assert "/runs/+49 171 2345 918.csv" in document.to_json()
    assert "call +49 171 2345 918" not in document.to_json()


def test_a_personal_datum_keeps_its_first_characters_and_its_kind() -> None:
    assert mask("write to anna.berg@nordpost.se") == "write to anna…[e-mail address]"
    assert mask("write to anna@example.com") == "write to anna@example.com"


def test_the_diff_of_a_fix_is_masked(tmp_path: Path) -> None:
    key = "AK" + "IAQ3ZT7MWLXR5VNB2K"
    train = tmp_path / "train.csv"
    train.write_text(f"text,label\nthe key {key},a\nmail anna.berg@nordpost.se,b\n")
    edits = (
        SetText(split="train", row=0, old="", new=f"The key {key}"),
        SetText(split="train", row=1, old="", new="Mail anna.berg@nordpost.se"),
    )
    fix = Fix(title="mend", safety=Safety.SAFE, edits=edits)
    found = Finding(message="found", code="DAT999", name="test", fixes=(fix,))
    applied = apply_fixes([found], read_dataset(train), unsafe=False)
    written = applied.diffs[0].read_text()
    assert "+The key AKIA…[AWS access key]" in written
    assert key not in written
    assert "anna.berg@nordpost.se" not in written
    assert key in applied.files[0].read_text()


@pytest.mark.parametrize("before", ["", "x ", "x\n", "x\\n", 'say \\"', "\\u00e9"])
def test_what_stands_before_hides_nothing(before: str) -> None:
    key = "AK" + "IAQ3ZT7MWLXR5VNB2K"
    assert key not in mask(before + key)
    assert "687-4421" not in mask(f"{before}(212) 687-4421")
    assert key not in mask(repr(before + key))
    assert key not in mask(json.dumps({"text": before + key}))


@pytest.mark.parametrize("end", ["", "…", "...", "…'"])
def test_a_key_that_was_cut_is_masked_too(end: str) -> None:
    assert "Q3ZT7MWL" not in mask("the key AK" + "IAQ3ZT7MWL" + end)
    assert mask("install sk-learn-contrib" + end) == "install sk-learn-contrib" + end
