"""The versions in force: installed first, pinned where nothing is installed."""

from importlib import metadata
from pathlib import Path

import pytest

from tunewell.readers.versions import read_versions


def test_installed_versions_are_read(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("transformers==4.30.0\n", encoding="utf-8")
    read = read_versions(tmp_path)
    assert read.numbers["transformers"] == metadata.version("transformers")
    assert not read.pinned


def test_pins_count_where_nothing_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    (tmp_path / "requirements.txt").write_text(
        "# tools\ntransformers==4.46.3  # pinned\ntrl>=0.9\npeft[a]==0.10.0 ; os_name=='nt'\n",
        encoding="utf-8",
    )
    read = read_versions(tmp_path)
    assert read.numbers == {"transformers": "4.46.3", "peft": "0.10.0"}
    assert read.pinned == {"transformers", "peft"}
    (tmp_path / "requirements.txt").unlink()
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["trl==0.19.1", "numpy"]\n', encoding="utf-8"
    )
    assert read_versions(tmp_path).numbers == {"trl": "0.19.1"}
    (tmp_path / "pyproject.toml").write_text("not toml", encoding="utf-8")
    assert not read_versions(tmp_path).numbers
    assert not read_versions().numbers
