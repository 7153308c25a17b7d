"""Reports on disk: whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from tests.report.samples import check_document

from tunewell.core.document import Document
from tunewell.core.errors import SettingsError, UserError
from tunewell.report.render import FORMATS, render
from tunewell.report.write import FORMAT_OF_SUFFIX, write


def test_every_suffix_names_a_format() -> None:
    """The two lists hold together."""
    assert set(FORMAT_OF_SUFFIX.values()) <= set(FORMATS)


@pytest.mark.parametrize("suffix", FORMAT_OF_SUFFIX)
def test_suffix_chooses_the_format(suffix: str, tmp_path: Path) -> None:
    """What is written is what is rendered, and no other file stays behind."""
    path = write(check_document(), tmp_path / "new" / f"report{suffix}")
    expected = render(check_document(), FORMAT_OF_SUFFIX[suffix], width=100, verbose=True)
    assert path.read_text(encoding="utf-8") == expected
    assert list(path.parent.iterdir()) == [path]


def test_json_reads_back(tmp_path: Path) -> None:
    """The document is the same after a round trip."""
    path = write(check_document(), tmp_path / "document.json")
    assert Document.from_json(path.read_bytes()) == check_document()


def test_unknown_suffix_is_a_sentence(tmp_path: Path) -> None:
    """It says which suffixes there are."""
    with pytest.raises(SettingsError, match=r"report\.pdf: .*use one of \.html"):
        write(check_document(), tmp_path / "report.pdf")


def test_full_disk_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that cannot be finished does not harm the one before it."""
    path = tmp_path / "report.txt"
    path.write_text("old", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"report\.txt: cannot be written: No space left on device"):
        write(check_document(), path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_in_the_way_is_a_sentence(tmp_path: Path) -> None:
    """A path below a file cannot be made."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match="cannot be written"):
        write(check_document(), tmp_path / "file" / "report.txt")


def test_others_may_read_as_the_umask_says(tmp_path: Path) -> None:
    """A report is an ordinary file, not a private one."""
    path = write(check_document(), tmp_path / "report.txt")
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == os.stat(tmp_path / "plain").st_mode  # noqa: PTH116  as it stands
