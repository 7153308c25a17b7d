"""Data in an object store, from a real server of the S3 interface on this machine."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs
from tests.cli.conftest import Run
from tests.cli.test_bad_input import GOOD, one_sentence

from tunewell import check
from tunewell.core.finding import Row
from tunewell.subjects.remote import RemotePath

LINES = b"".join(
    b'{"text": "message number %d about %s", "label": "%s"}\n'
    % (i, (b"top ups", b"cards")[i % 2], (b"top_up", b"card")[i % 2])
    for i in range(40)
)


@dataclass(frozen=True)
class Store:
    """A running server; `files` writes to it."""

    url: str
    files: Any

    def put(self, key: str, data: bytes) -> str:
        """Write an object, making its bucket; returns its address."""
        self.files.create_dir(key.partition("/")[0])
        with self.files.open_output_stream(key) as file:
            file.write(data)
        return f"s3://{key}"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    moto = pytest.importorskip("moto.server")
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def store(server: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_REGION", raising=False)
    files = fs.S3FileSystem(
        endpoint_override=server, region="us-east-1", allow_bucket_creation=True
    )
    return Store(server, files)


def parquet(start: int, stop: int) -> bytes:
    out = io.BytesIO()
    rows = range(start, stop)
    table = {
        "text": [f"message number {i} about {('top ups', 'cards')[i % 2]}" for i in rows],
        "label": [("top_up", "card")[i % 2] for i in rows],
    }
    pq.write_table(pa.table(table), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("train.csv", GOOD.encode()),
        ("train.jsonl", LINES),
        ("train.jsonl.gz", gzip.compress(LINES)),
        ("train.parquet", parquet(0, 40)),
    ],
)
def test_every_format_is_read_from_a_store(
    tunewell: Run, store: Store, name: str, data: bytes
) -> None:
    address = store.put(f"formats/{name}", data)
    ended = tunewell("check", address, "--verbose", "--exit-zero")
    assert ended.status == 0, ended.err
    said = " ".join(ended.out.split())
    assert "40 rows" in said
    assert name in said
    assert "40 rows of single-label classification" in check(address).examined[0].reason


def test_a_pattern_names_shards_and_findings_name_the_shard(tunewell: Run, store: Store) -> None:
    for at in range(3):
        store.put(f"shards/data/part-{at}.parquet", parquet(40 * at, 40 * at + 40))
    out = io.BytesIO()
    pq.write_table(pa.table({"text": [" "] * 40, "label": ["card"] * 40}), out)
    store.put("shards/data/part-3.parquet", out.getvalue())
    store.put("shards/data/deep/part-9.parquet", parquet(0, 9))
    document = check("s3://shards/data/part-*.parquet")
    assert "160 rows" in document.examined[0].reason
    places = [place for finding in document.findings for place in finding.where]
    files = {place.file for place in places if isinstance(place, Row)}
    assert "s3://shards/data/part-3.parquet" in files
    ended = tunewell("check", "--train", "s3://shards/**/part-*.parquet", "--exit-zero")
    assert "169 rows" in " ".join(ended.out.split())


def test_a_folder_of_a_store_stands_for_the_data_in_it(store: Store) -> None:
    store.put("folder/a/train.csv", GOOD.encode())
    store.put("folder/a/eval.csv", GOOD.encode())
    store.put("folder/a/notes.md", b"# nothing\n")
    document = check("s3://folder/a/")
    assert [thing.what for thing in document.examined[:2]] == ["training data", "evaluation data"]


def test_names_that_look_like_something_else(store: Store) -> None:
    for name in ("train[1].csv", "train a+b%20#c.csv", "tráin.csv"):
        assert "40 rows" in check(store.put(f"names/{name}", GOOD.encode())).examined[0].reason


def test_settings_are_those_of_the_working_folder(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    address = store.put("settings/all.csv", GOOD.replace("text,label", "note,kind").encode())
    (tmp_path / "tunewell.toml").write_text('[data]\ntext = "note"\nlabel = "kind"\n')
    assert "text is 'note'" in check(address).examined[0].reason


def test_a_gzip_file_cut_short_in_a_store(tunewell: Run, store: Store) -> None:
    packed = gzip.compress(LINES)
    address = store.put("cut/train.jsonl.gz", packed[: len(packed) * 9 // 10])
    ended = tunewell("check", address)
    assert ended.status == 1
    assert "the gzip file is cut short here" in " ".join(ended.out.split())


def test_a_path_that_lost_a_slash_is_known(store: Store) -> None:
    store.put("slash/train.csv", GOOD.encode())
    assert "40 rows" in check(Path("s3://slash/train.csv")).examined[0].reason


def test_a_text_file_is_fetched_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    address = store.put("once/train.csv", GOOD.encode())
    fetched: list[str] = []
    fetch = RemotePath._fetch

    def counted(self: RemotePath, target: Path) -> Path:
        fetched.append(str(self))
        return fetch(self, target)

    monkeypatch.setattr(RemotePath, "_fetch", counted)
    check(address)
    assert fetched == [address]


def test_a_repaired_copy_is_written_to_the_working_folder(
    tunewell: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = GOOD + GOOD.partition("\n")[2]
    for name, data in (("a.csv", rows.encode()), ("b.parquet", _twice())):
        address = store.put(f"repair/{name}", data)
        ended = tunewell("check", address, "--fix", "--unsafe-fixes", "--exit-zero")
        stem, _, suffix = name.partition(".")
        assert f"{stem}.fixed.{suffix}: " in ended.err, ended
        assert (tmp_path / f"{stem}.fixed.{suffix}").is_file()
        assert (tmp_path / f"{stem}.fixed.diff").is_file()
    assert pq.read_table(tmp_path / "b.fixed.parquet").num_rows == 40


def _twice() -> bytes:
    out = io.BytesIO()
    table = pq.read_table(io.BytesIO(parquet(0, 40)))
    pq.write_table(pa.concat_tables([table, table]), out)
    return out.getvalue()


def test_what_a_store_does_not_have(tunewell: Run, store: Store) -> None:
    store.put("there/train.csv", GOOD.encode())
    one_sentence(tunewell("check", "s3://nobucket/a.csv"), part="no bucket", names="nobucket")
    one_sentence(tunewell("check", "s3://nobucket/*.csv"), part="no bucket", names="nobucket")
    one_sentence(tunewell("check", "s3://there/b.csv"), part="no such file", names="b.csv")
    one_sentence(tunewell("check", "s3://there/*.jsonl"), part="no file fits", names="*.jsonl")
    one_sentence(tunewell("check", "s3://th*/train.csv"), part="in full", names="th*")
    store.put("there/bad.parquet", b"PAR1 not really")
    one_sentence(tunewell("check", "s3://there/bad.parquet"), part="Parquet", names="bad.parquet")
    store.put("there/pictures/a.png", b"\x89PNG\r\n")
    one_sentence(tunewell("check", "s3://there/pictures"), part="no data file", names="pictures")


def test_no_permission(tunewell: Run, store: Store) -> None:
    address = store.put("locked/train.csv", GOOD.encode())
    after(store, 0)
    try:
        for given in (address, "s3://locked/*.csv"):
            one_sentence(tunewell("check", given), part="no permission", names="locked")
    finally:
        after(store, 2**30)


def after(store: Store, calls: int) -> None:
    """Ask for rights after so many calls."""
    connection = HTTPConnection(store.url.removeprefix("http://"))
    connection.request("POST", "/moto-api/reset-auth", str(calls))
    connection.getresponse().read()
    connection.close()


def test_no_store_there(tunewell: Run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    del store
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for given in ("s3://b/a.csv", "s3://b/*.csv"):
        one_sentence(tunewell("check", given), part="cannot be reached", names="127.0.0.1:9")
