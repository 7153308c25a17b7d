"""DAT001 file-not-what-its-name-says."""

from pathlib import Path

from tunewell.checks.data.file_not_what_its_name_says import file_not_what_its_name_says
from tunewell.subjects.files import FileProbe, Files
from tunewell.testing import CheckCases


def files(
    *,
    disguise: str | None = None,
    encoding: str = "utf-8",
    bad_bytes: int = 0,
    bad_line: int | None = None,
) -> Files:
    """One probed file."""
    return Files(
        (FileProbe(Path("train.csv"), 100, b"text,label", disguise, encoding, bad_bytes, bad_line),)
    )


class TestFileNotWhatItsNameSays(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = file_not_what_its_name_says
    faulty = {
        "a Git LFS pointer": (files(disguise="Git LFS pointer"),),
        "an HTML page": (files(disguise="HTML page"),),
        "Windows-1252": (files(encoding="cp1252", bad_bytes=3, bad_line=7),),
        "UTF-16": (files(encoding="utf-16"),),
    }
    nearly = {"UTF-8 with a byte-order mark": (files(encoding="utf-8-sig"),)}
    clean = {"plain UTF-8": (files(),)}
