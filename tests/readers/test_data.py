"""Rows written by the usual tools come back exactly; bad files give one clear sentence."""

import csv
import gzip
import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tunewell.core.errors import InputError
from tunewell.readers.data import read_dataset, read_split
from tunewell.subjects.layout import Kind

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), include_characters="\n\r\t"),
    max_size=40,
)
LABELS = st.sampled_from(["card", "top up", "wëird, label", 'with "quotes"'])
ROWS = st.lists(st.tuples(TEXTS, LABELS, TEXTS), min_size=2, max_size=12).filter(
    lambda rows: len({label for _, label, _ in rows}) > 1
)
in_one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)


def as_read(path: Path) -> list[tuple[str, str | None]]:
    split = read_split(path, name="train")
    assert not split.broken
    return list(zip(split.texts, split.labels, strict=True))


def wanted(rows: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(text, label) for text, label, _ in rows]


@given(ROWS, st.sampled_from([",", ";"]), st.booleans())
@in_one_folder
def test_csv_comes_back(
    tmp_path: Path, rows: list[tuple[str, str, str]], delimiter: str, packed: bool
) -> None:
    path = tmp_path / ("rows.csv.gz" if packed else "rows.csv")
    with (gzip.open if packed else open)(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerow(["text", "label", "note"])
        writer.writerows(rows)
    assert as_read(path) == wanted(rows)


@given(ROWS)
@in_one_folder
def test_tsv_comes_back(tmp_path: Path, rows: list[tuple[str, str, str]]) -> None:
    path = tmp_path / "rows.tsv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([["text", "label", "note"], *rows])
    assert as_read(path) == wanted(rows)


@given(ROWS, st.booleans(), st.sampled_from(["list", "columns", "data", "lines"]))
@in_one_folder
def test_json_comes_back(
    tmp_path: Path, rows: list[tuple[str, str, str]], ascii_only: bool, form: str
) -> None:
    records = [{"text": text, "label": label, "note": note} for text, label, note in rows]
    value: object = records
    if form == "columns":
        value = {name: [record[name] for record in records] for name in records[0]}
    elif form == "data":
        value = {"data": records}
    if form == "lines":
        path = tmp_path / "rows.jsonl"
        lines = [json.dumps(record, ensure_ascii=ascii_only) + "\n" for record in records]
        path.write_text("".join(lines), encoding="utf-8")
    else:
        path = tmp_path / "rows.json"
        path.write_text(json.dumps(value, ensure_ascii=ascii_only), encoding="utf-8")
    assert as_read(path) == wanted(rows)


@given(ROWS)
@in_one_folder
def test_parquet_comes_back(tmp_path: Path, rows: list[tuple[str, str, str]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "rows.parquet"
    texts, labels, notes = zip(*rows, strict=True)
    pq.write_table(pa.table({"text": texts, "label": labels, "note": notes}), path)
    assert as_read(path) == wanted(rows)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dictionary of data sets with class ids, written by the real library."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import datasets

    folder = tmp_path_factory.mktemp("saved")
    names = datasets.ClassLabel(names=["no", "yes"])
    features = datasets.Features({"text": datasets.Value("string"), "label": names})
    part = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, -1]}, features)
    whole = datasets.DatasetDict({"train": part, "validation": part.select([0, 1])})
    whole.save_to_disk(folder / "both")
    part.save_to_disk(folder / "one")
    part.to_parquet(folder / "one.parquet")
    return folder


def test_saved_dictionary_gives_its_splits_and_class_names(saved: Path) -> None:
    read = read_dataset(saved / "both")
    assert list(read.train.labels) == ["yes", "no", None]
    assert read.evaluation is not None
    assert list(read.evaluation.texts) == ["a", "b"]
    assert read.test is None


@pytest.mark.parametrize("name", ["one", "one.parquet"])
def test_class_ids_become_names(saved: Path, name: str) -> None:
    assert list(read_split(saved / name, name="train").labels) == ["yes", "no", None]


def test_lines_are_where_rows_start(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('text,label\n"one\ntwo",a\n\nthree,b\n')
    split = read_split(path, name="train")
    assert list(split.lines) == [2, 5]
    assert split.texts[0] == "one\ntwo"


def test_broken_rows_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(
        b'text,label\nhi,a\none,two,three\nh\xe9 \xc3\xa9\xc3\xa8,b\nho,b\n"open,a\nhu,a\n'
    )
    split = read_split(path, name="train")
    assert list(split.texts) == ["hi", "ho", "hu"]
    assert [row.line for row in split.broken] == [3, 4, 6]
    assert "3 fields" in split.broken[0].problem
    assert "UTF-8" in split.broken[1].problem
    assert "quote" in split.broken[2].problem


def test_broken_json_lines_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = ['{"text": "hi", "label": 1}', "{", '{"text": 3, "label": 1}', "[]"]
    rows += [
        '{"text": "ho", "label": 0.0}',
        '{"text": null, "label": 0}',
        '{"text":"x","label":[1]}',
    ]
    path.write_text("\n".join(rows))
    split = read_split(path, name="train")
    assert list(zip(split.texts, split.labels, strict=True)) == [("hi", "1"), ("ho", "0")]
    assert [row.line for row in split.broken] == [2, 3, 4, 6, 7]


def test_windows_1252_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"v1,v2\n" + "ham,it is £5 then\nspam,pay £9 now\n".encode("cp1252") * 3)
    split = read_split(path, name="train")
    assert split.texts[0] == "it is £5 then"
    assert split.source.encoding == "cp1252"


def test_utf_16_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nhé,a\nho,b\n", encoding="utf-16")
    assert list(read_split(path, name="train").texts) == ["hé", "ho"]


@pytest.mark.parametrize("missing", ["", "nan", "NaN", "null"])
def test_missing_labels_are_none(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"text,label\nhi,1.0\nho,2.0\nhu,{missing}\n")
    assert list(read_split(path, name="train").labels) == ["1", "2", None]


def test_a_tab_file_may_begin_a_text_with_a_quote(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text('text\tlabel\n"never closed\ta\nho\tb\nhu\ta\n')
    split = read_split(path, name="train")
    assert list(split.texts) == ['"never closed', "ho", "hu"]


def test_columns_are_told_by_content_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [f"{n},message number {n} says something else,{'xy'[n % 2]}" for n in range(20)]
    path.write_text("\n".join(["id,what,kind", *rows]))
    source = read_split(path, name="train").source
    assert (source.text_column, source.label_column) == ("what", "kind")
    assert "longest" in source.reason


def test_a_count_is_no_label(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [f"message number {n} says something else,{n % 4}" for n in range(20)]
    path.write_text("\n".join(["text,template_id", *rows]))
    with pytest.raises(InputError, match="which column is the label is not clear"):
        read_split(path, name="train")
    assert set(read_split(path, name="train", label="template_id").labels) == set("0123")


def test_an_empty_column_called_text_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [f",message number {n} says something else,{'xy'[n % 2]}" for n in range(20)]
    path.write_text("\n".join(["text,message body,label", *rows]))
    assert read_split(path, name="train").source.text_column == "message body"


def test_remarks_on_a_few_rows_are_not_the_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [
        {"label": "xy"[n % 2], "before": f"a {n} row", "after": f"b {n} row"} for n in range(30)
    ]
    path.write_text("\n".join(map(json.dumps, [{**rows[0], "comment": "the first"}, *rows])))
    with pytest.raises(InputError, match="which column is the text is not clear"):
        read_dataset(path)


@pytest.mark.parametrize(
    ("labels", "third"),
    [
        (["1", "2", "3", "1,2", "2,3", "1,3", "3,1"], ("3",)),
        (["joy", "fear", "joy; fear", "awe", "fear; awe", "joy; awe"], ("fear", "joy")),
        ([["joy"], ["joy", "fear"], ["fear", "awe"]], ("awe", "fear")),
    ],
)
def test_several_labels_a_row_are_multi_label(
    tmp_path: Path, labels: list[object], third: tuple[str, ...]
) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": f"row {at}", "label": label} for at, label in enumerate(labels)]
    path.write_text("\n".join(map(json.dumps, rows)))
    split = read_split(path, name="train")
    assert split.kind is Kind.MULTI_LABEL
    assert split.label_sets is not None
    assert split.label_sets[2] == third
    assert split.labels[2] == ", ".join(third)


def test_measured_numbers_are_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": f"row {n}", "label": f"{n}.25"} for n in range(30)]
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InputError, match="a quantity, not classes"):
        read_split(path, name="train")


@pytest.mark.parametrize(
    "labels",
    [
        ["Health", "Health, beauty", "Home, garden", "Toys, games", "Books"],
        ["0", "1", "2", "5", "0,5", "1,5", "2,5"],  # ratings with a decimal comma
        ["cards", "payments", "cards, payments"],
        [f"{n % 25}.5" for n in range(100)],  # codes with a dot come again
        ["a|b", "c|d", "a"],
    ],
)
def test_names_with_separators_are_classes(tmp_path: Path, labels: list[str]) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": f"row {at}", "label": label} for at, label in enumerate(labels)]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert list(read_split(path, name="train").labels) == labels


BAD: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.csv", b"", "empty"),
    "white space": ("a.csv", b"\n\n", "white space"),
    "header only": ("a.csv", b"text,label\n", "no rows"),
    "one column": ("a.csv", b"text\nhi\nho\n", "only one column"),
    "binary": ("a.csv", bytes(range(256)) * 20, "binary file"),
    "a pointer": (
        "a.csv",
        b"version https://git-lfs.github.com/spec/v1\n",
        "git lfs",
    ),
    "a page": ("a.csv", b"<!DOCTYPE html><html><body>x</body></html>", "HTML page"),
    "gzip": ("a.csv", gzip.compress(b"text,label\nhi,a\nho,b\n"), "gzip"),
    "cut gzip": ("a.csv.gz", gzip.compress(b"text,label\nhi,a\n" * 99)[:12], "cut short"),
    "no labels": ("a.csv", b"text,label\nhi,\nho,\n", "missing"),
    "one class": ("a.csv", b"text,label\nhi,a\nho,a\n", "same label"),
    "no readable row": ("a.jsonl", b"{\n{\n", "none of its 2 rows"),
    "not JSON": ("a.json", b"[1, 2", "not valid JSON"),
    "not rows": ("a.json", b'"hello"', "no rows"),
    "not Parquet": ("a.parquet", b"PAR1 hello", "no Parquet file"),
    "unclear": ("a.csv", b"p,q\naa bb,x y\nbb cc,y z\ncc dd,z x\n", "--text COLUMN"),
    "unknown suffix": ("a.xyz", b"text,label\nhi,a\n", "no known data format"),
    "a long line": ("a.csv", b"text,label\n" + b"x" * 10_000_000 + b",a\n", "1,000,000 characters"),
    "a long JSON line": ("a.jsonl", b'{"text":"' + b"x" * 10_000_000 + b'"}\n', "longer than"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_give_one_sentence(tmp_path: Path, case: str) -> None:
    name, content, said = BAD[case]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_dataset(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_long_line_among_others_is_a_broken_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nhi,a\n" + "x" * 10_000_000 + ",a\nho,b\n")
    split = read_split(path, name="train")
    assert list(split.texts) == ["hi", "ho"]
    assert [row.line for row in split.broken] == [3]


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_dataset(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_dataset(tmp_path)


def test_given_columns_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nhi,a\nho,b\n")
    with pytest.raises(InputError, match=r"no column 'body'.*'text', 'label'"):
        read_dataset(path, text="body")


@given(
    st.binary(max_size=300), st.sampled_from(["a.csv", "a.tsv", "a.json", "a.jsonl", "a.parquet"])
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None
)
def test_any_bytes_give_rows_or_an_input_error(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        read_dataset(path)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017  either outcome is right


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, tunewell.readers.data, tunewell.readers.recognise, tunewell.readers.recipes, "
        "tunewell.readers.checkpoint, tunewell.readers.tokenization, tunewell.fixes.files; "
        "print([n for n in ('torch', 'transformers', 'datasets', 'sklearn', 'scipy.stats', "
        "'pyarrow') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
