"""Large files come in several tables and mean the same as small ones."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.readers.data import json_lines, read_split
from tunewell.readers.data import open as opening
from tunewell.readers.data.json_lines import read_json_lines, stream_json_lines
from tunewell.readers.data.spool import TextSpool

LINES = st.lists(
    st.one_of(
        st.fixed_dictionaries({"text": st.text(max_size=6)}).map(json.dumps),
        st.sampled_from(["", "  ", "{", "[1]", '{"text": "é"}']),
    ),
    max_size=12,
)


@given(LINES, st.booleans(), st.integers(1, 20), st.integers(1, 40))
def test_pieces_of_any_size_give_the_same_rows(
    lines: list[str], ended: bool, piece: int, batch: int
) -> None:
    text = "\n".join(lines) + ("\n" if ended else "")
    data = text.encode()
    pieces = [data[low : low + piece] for low in range(0, len(data), piece)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "BATCH_BYTES", batch)
        tables = list(stream_json_lines(pieces, "utf-8"))
    whole = read_json_lines(text, "utf-8")
    assert [line for table in tables for line in table.lines] == list(whole.lines)
    assert [row for table in tables for row in table.broken] == list(whole.broken)
    texts = [t for table in tables for t in table.columns.get("text", ())]
    assert texts == list(whole.columns.get("text", ()))


@given(st.lists(st.lists(st.text(max_size=20), max_size=5), max_size=6), st.integers(0, 60))
def test_texts_come_back_as_they_went_in(batches: list[list[str]], most: int) -> None:
    spool = TextSpool(most_in_memory=most)
    for batch in batches:
        spool.add(batch)
    kept = [text.encode("utf-8", "replace").decode() for batch in batches for text in batch]
    assert list(spool.finish()) == kept


def test_the_mapped_file_goes_with_its_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool = TextSpool(most_in_memory=10)
    spool.add(["a long text", "another one"])
    texts = spool.finish()
    assert len(list(tmp_path.iterdir())) == 1
    assert texts[1] == "another one"
    del texts
    assert not list(tmp_path.iterdir())


def test_a_streamed_file_reads_like_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "train.jsonl"
    records = [{"instruction": f"do {n}", "output": f"done {n} times over"} for n in range(500)]
    lines = [json.dumps(record) for record in records]
    lines[100] = '{"instruction": "do'
    path.write_text("\n".join(lines))
    small = read_split(path, name="train")
    monkeypatch.setattr(opening, "WHOLE_BYTES", 100)
    monkeypatch.setattr(json_lines, "BATCH_BYTES", 3000)
    large = read_split(path, name="train")
    assert list(large.texts) == list(small.texts)
    assert list(large.lines) == list(small.lines)
    assert large.broken == small.broken
    assert [row.line for row in large.broken] == [101]
    assert large.kind is small.kind
