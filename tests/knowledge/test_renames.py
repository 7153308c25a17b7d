"""Every row of the table of renames, held against the installed libraries."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from typing import Any

import pytest
from packaging.version import Version
from tests.preflight import tiny

from tunewell.knowledge.renames import (
    VERIFIED,
    Argument,
    Import,
    arguments,
    holds,
    imports,
    missing,
    refused,
)

EVERY = [(owner, row) for row in arguments() for owner in row.classes]
LOADING = [(owner, row) for owner, row in EVERY if owner.endswith(".from_pretrained")]
ROWS = [(owner, row) for owner, row in EVERY if (owner, row) not in LOADING]


def _class(name: str) -> Any:  # noqa: ANN401  a class of any library
    for library in ("transformers", "trl", "sentence_transformers", "accelerate"):
        module = importlib.import_module(library)
        found = getattr(module, name, None)
        if found is not None:
            return found
    message = f"{name}: no library has such a class"
    raise AssertionError(message)


def _accepted(name: str, argument: str) -> bool:
    """Whether the real class takes the argument: asked of the class itself, not of a list.

    Python refuses an unknown keyword before anything of the constructor runs.
    """
    try:
        _class(name)(**{argument: None})
    except TypeError as error:
        return f"unexpected keyword argument '{argument}'" not in str(error)
    except Exception:  # noqa: BLE001  it went on to look at the value
        return True
    return True


@pytest.mark.parametrize(("owner", "row"), ROWS, ids=lambda v: v if isinstance(v, str) else v.old)
def test_the_installed_class_refuses_the_old_name(owner: str, row: Argument) -> None:
    assert not _accepted(owner, row.old)


@pytest.mark.parametrize(
    ("owner", "row"),
    [(owner, row) for owner, row in ROWS if row.new],
    ids=lambda v: v if isinstance(v, str) else v.old,
)
def test_the_installed_class_takes_the_new_name(owner: str, row: Argument) -> None:
    assert row.new in inspect.signature(_class(owner)).parameters


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny encoder on disk, which every class of a model can load."""
    folder = str(tmp_path_factory.mktemp("model"))
    tiny.encoder("MaskedLM").save_pretrained(folder)
    return folder


@pytest.mark.parametrize("row", {row.old: row for _, row in LOADING}.values(), ids=lambda r: r.old)
@pytest.mark.filterwarnings("ignore")
def test_loading_refuses_the_old_name(row: Argument, saved: str) -> None:
    """Unknown names are handed to the model, which knows none of them."""
    from transformers import AutoModelForMaskedLM

    with pytest.raises(TypeError, match=f"unexpected keyword argument '{row.old}'"):
        AutoModelForMaskedLM.from_pretrained(saved, **{row.old: False})
    assert AutoModelForMaskedLM.from_pretrained(saved, **{str(row.new): None})


@pytest.mark.parametrize("owner", sorted({owner for owner, _ in LOADING}))
def test_a_class_that_loads_is_there(owner: str) -> None:
    assert hasattr(_class(owner.partition(".")[0]), "from_pretrained")


@pytest.mark.parametrize("row", imports(), ids=lambda row: f"{row.module}.{row.name}")
def test_the_installed_module_no_longer_has_the_name(row: Import) -> None:
    try:
        module = importlib.import_module(row.module)
    except ModuleNotFoundError:
        return
    assert not hasattr(module, row.name)


@pytest.mark.parametrize(
    "row", [row for row in imports() if row.new], ids=lambda row: f"{row.module}.{row.name}"
)
@pytest.mark.filterwarnings("ignore")
def test_what_takes_its_place_can_be_imported(row: Import) -> None:
    module, _, name = (row.new or "").rpartition(".")
    assert hasattr(importlib.import_module(module), name)


def test_a_row_without_the_same_value_says_what_to_do() -> None:
    for row in arguments():
        assert row.source.startswith("https://")
        assert row.what_to_do
        assert row.value == "same" or row.advice, row.old
    assert all(row.new or row.advice for row in imports())


def test_no_row_stands_twice() -> None:
    keys = [(owner, row.old) for owner, row in EVERY]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("package", "version"), VERIFIED.items())
def test_the_table_was_verified_with_what_is_installed(package: str, version: str) -> None:
    from importlib import metadata

    installed = Version(metadata.version(package))
    assert f"{installed.major}.{installed.minor}" == version, (
        "the tests above hold for another version now: write it into VERIFIED"
    )


def test_versions_decide() -> None:
    assert refused("TrainingArguments", "evaluation_strategy", {}) is not None
    assert refused("TrainingArguments", "evaluation_strategy", {"transformers": "4.46.3"}) is None
    assert refused("TrainingArguments", "eval_strategy", {}) is None
    assert refused("SFTConfig", "max_seq_length", {"trl": "0.19.1"}) is None
    assert missing("trl", "DataCollatorForCompletionOnlyLM", {"trl": "1.0.0"}) is not None
    assert missing("trl", "DataCollatorForCompletionOnlyLM", {"trl": "0.9.6"}) is None
    assert holds("trl", "1.8", {"trl": "1.16.0.dev0"})


def test_sentence_transformers_keeps_its_warm_up_ratio() -> None:
    """The table must not know it for a class that still takes it."""
    from sentence_transformers import SentenceTransformerTrainingArguments

    names = {f.name for f in dataclasses.fields(SentenceTransformerTrainingArguments)}
    assert "warmup_ratio" in names
    assert refused("SentenceTransformerTrainingArguments", "warmup_ratio", {}) is None
    assert _accepted("SentenceTransformerTrainer", "tokenizer")
