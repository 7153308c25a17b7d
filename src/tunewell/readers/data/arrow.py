"""Rows of Parquet files and of folders that Hugging Face `save_to_disk` wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewell.core.errors import InputError
from tunewell.readers.data.json_whole import ALIASES
from tunewell.readers.data.table import Table
from tunewell.subjects.remote import opened

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 65_536
INFO, STATE, DICT = "dataset_info.json", "state.json", "dataset_dict.json"


def stream_parquet(path: Path) -> Iterator[Table]:
    """Read a Parquet file, `BATCH_ROWS` rows a table.

    Raises:
        InputError: if it is damaged.
    """
    import pyarrow as pa  # noqa: PLC0415  0.1 s that a CSV file need not wait for
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(opened(path), pre_buffer=True) as file:
            metadata = file.schema_arrow.metadata or {}
            features: Mapping[str, Any] = {}
            if b"huggingface" in metadata:
                features = json.loads(metadata[b"huggingface"]).get("info", {}).get("features", {})
            first = 1
            if not file.metadata.num_rows:
                yield _table("parquet", file.read(), features)
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                yield _table("parquet", pa.Table.from_batches([batch]), features, first)
                first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        message = f"{path}: is no Parquet file that can be read: {_first_line(error)}"
        raise InputError(message) from None


def parquet_columns(path: Path) -> list[str]:
    """The column names of a Parquet file.

    Raises:
        InputError: if it is damaged.
    """
    import pyarrow as pa  # noqa: PLC0415  0.1 s that a CSV file need not wait for
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return list(pq.read_schema(opened(path)).names)
    except (pa.ArrowException, OSError) as error:
        message = f"{path}: is no Parquet file that can be read: {_first_line(error)}"
        raise InputError(message) from None


def is_saved(folder: Path) -> bool:
    """Whether a folder is a data set or a dictionary of data sets that was saved to disk."""
    return (folder / DICT).is_file() or (folder / STATE).is_file()


def saved_splits(folder: Path) -> dict[str, Path]:
    """The folder of each split, by Tunewell's names; one data set alone is "train".

    Raises:
        InputError: if the dictionary names no training split.
    """
    if not (folder / DICT).is_file():
        return {"train": folder}
    names = _json(folder / DICT).get("splits", [])
    found = {
        own: folder / name for own, aliases in ALIASES.items() for name in aliases if name in names
    }
    if "train" not in found:
        message = f"{folder}: has no split named train; it has: {', '.join(map(str, names))}"
        raise InputError(message)
    return found


def read_saved(folder: Path) -> Table:
    """Read one saved data set.

    Raises:
        InputError: if a file of it is missing or damaged.
    """
    import pyarrow as pa  # noqa: PLC0415  0.1 s that a CSV file need not wait for

    state = _json(folder / STATE)
    parts: list[pa.Table] = []
    for entry in state.get("_data_files", ()):
        file = folder / str(entry.get("filename"))
        try:
            with pa.memory_map(str(file)) as source, pa.ipc.open_stream(source) as stream:
                parts.append(stream.read_all())
        except (pa.ArrowException, OSError) as error:
            message = f"{file}: is no Arrow file that can be read: {_first_line(error)}"
            raise InputError(message) from None
    if not parts:
        message = f"{folder}: {STATE} names no data file"
        raise InputError(message)
    info = folder / INFO
    features = _json(info).get("features") or {} if info.is_file() else {}
    return _table("saved data set", pa.concat_tables(parts), features)


def _table(format_: str, table: pa.Table, features: Mapping[str, Any], first: int = 1) -> Table:
    return Table(
        format=format_,
        columns={name: table.column(name).to_pylist() for name in table.column_names},
        lines=range(first, first + table.num_rows),
        class_names={
            name: names for name, feature in features.items() if (names := _class_names(feature))
        },
    )


def _class_names(feature: object) -> tuple[str, ...]:
    """The names that a column's numbers index, also those in its lists; () where there are none."""
    if isinstance(feature, list) and len(feature) == 1:
        return _class_names(feature[0])
    if not isinstance(feature, dict):
        return ()
    if feature.get("_type") in {"Sequence", "List", "LargeList"}:
        return _class_names(feature.get("feature"))
    if feature.get("_type") != "ClassLabel":
        return ()
    return tuple(map(str, feature.get("names") or ()))


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    except ValueError as error:
        message = f"{path}: is not valid JSON: {error}"
        raise InputError(message) from None
    if not isinstance(value, dict):
        message = f"{path}: is not a JSON object"
        raise InputError(message)
    return value


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
