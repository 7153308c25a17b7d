"""Data files of this machine that a recipe names."""

from pathlib import Path

import pytest

from tunewell.readers.recipes.local_data import local_data
from tunewell.subjects.recipe import Preparation, Recipe


def named(folder: Path, *names: str, evaluation: tuple[str, ...] = ()) -> tuple[list[str], ...]:
    recipe = Recipe(
        file=folder / "config.yaml",
        preparation=Preparation(datasets=names, eval_datasets=evaluation),
    )
    return tuple([path.name for path in paths] for paths in local_data(recipe))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jsonl", "b.jsonl", "one/x.csv", "two/x.csv", "two/y.csv", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text,label\n")
    return tmp_path


def test_files_beside_the_recipe(folder: Path) -> None:
    assert named(folder, "a.jsonl", evaluation=("./b.jsonl",)) == (["a.jsonl"], ["b.jsonl"])
    assert named(folder, str(folder / "a.jsonl"))[0] == ["a.jsonl"]
    assert named(folder, "*.jsonl", "a.jsonl")[0] == ["a.jsonl", "b.jsonl"]


def test_a_folder_counts_where_it_holds_one_file(folder: Path) -> None:
    assert named(folder, "one")[0] == ["x.csv"]
    assert named(folder, "two")[0] == []


def test_what_is_not_here_is_passed_over(folder: Path) -> None:
    names = ("some/dataset", "s3://bucket/a.jsonl", "none-*.jsonl", "", "notes.md", "a\0b")
    assert named(folder, "x" * 5000) == ([], [])  # too long for a name
    assert named(folder, *names) == ([], [])


def test_the_working_folder_goes_first(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("work")
    (elsewhere / "a.jsonl").write_text("{}\n")
    monkeypatch.chdir(elsewhere)
    recipe = Recipe(file=folder / "c.yaml", preparation=Preparation(datasets=("a.jsonl",)))
    assert local_data(recipe)[0][0].resolve() == elsewhere / "a.jsonl"
