"""Texts that arrive in batches, kept in Arrow memory or, when they are many, in a mapped file."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunewell.subjects.parts import Texts

MOST_IN_MEMORY = 256 * 2**20
"""Bytes of text. More are written to a file in the system's folder for temporary files and mapped
from there, so that the system decides what stays in memory."""

COLUMN = "text"


class TextSpool:
    """Collects texts and gives them back as one column."""

    def __init__(self, most_in_memory: int = MOST_IN_MEMORY) -> None:
        """Start empty."""
        self._most = most_in_memory
        self._chunks: list[Any] = []
        self._bytes = 0
        self._path: Path | None = None
        self._writer: Any = None

    def add(self, texts: Sequence[str]) -> None:
        """Append a batch of texts. A lone surrogate becomes a question mark."""
        for chunk in Texts.of(texts).column.chunks:
            self._bytes += chunk.nbytes
            if self._writer is None and self._bytes > self._most:
                self._open()
            if self._writer is None:
                self._chunks.append(chunk)
            else:
                self._writer.write_batch(_batch(chunk))

    def finish(self) -> Texts:
        """All texts in the order in which they came. The file goes when the column goes."""
        import pyarrow as pa  # noqa: PLC0415  0.1 s that --help need not wait for

        if self._path is None:
            # One buffer is found in faster than thousands.
            whole = pa.concat_arrays(self._chunks or [pa.array([], pa.large_string())])
            return Texts(pa.chunked_array([whole]))
        self._writer.close()
        with pa.memory_map(str(self._path)) as mapped, pa.ipc.open_file(mapped) as file:
            column = file.read_all().column(0)
        texts = Texts(column)
        weakref.finalize(texts, Path.unlink, self._path, missing_ok=True)
        return texts

    def _open(self) -> None:
        import pyarrow as pa  # noqa: PLC0415

        with tempfile.NamedTemporaryFile(
            prefix="tunewell-", suffix=".arrow", delete=False
        ) as place:
            self._path = Path(place.name)
        self._writer = pa.ipc.new_file(str(self._path), pa.schema([(COLUMN, pa.large_string())]))
        for chunk in self._chunks:
            self._writer.write_batch(_batch(chunk))
        self._chunks = []


def _batch(chunk: Any) -> Any:  # noqa: ANN401  pyarrow has no types
    import pyarrow as pa  # noqa: PLC0415

    return pa.record_batch([chunk], names=[COLUMN])
