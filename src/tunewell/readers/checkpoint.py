"""A saved Hugging Face model folder, read without loading a weight."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tunewell.core.errors import InputError
from tunewell.subjects.checkpoint import Checkpoint

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
ADAPTER_CONFIG = "adapter_config.json"
GENERATION_CONFIG = "generation_config.json"
TOKENIZER_CONFIG, TEMPLATE = "tokenizer_config.json", "chat_template.jinja"
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
LARGEST_HEADER = 100 << 20
"""Bytes. The safetensors format allows no larger header."""

NO_LIMIT = 1_000_000
"""Tokenizers write a model_max_length of 1e30 where they know none."""


def read_checkpoint(folder: Path, *, weights: bool = True) -> Checkpoint:
    """Read config.json, the headers of the weight files and the length limits of a model folder.

    Weights that are stored as a Python pickle are never opened: `tensors` is then empty, and so it
    is where there are none and `weights` says that none are needed.

    Raises:
        InputError: if the folder is no model, lacks a part of it, or a part is damaged.
    """
    if not folder.exists():
        message = f"{folder}: no such folder"
        raise InputError(message)
    if not folder.is_dir():
        message = f"{folder}: is a file; a model is a folder with {CONFIG} and its weights"
        raise InputError(message)
    if not (folder / CONFIG).exists():
        if (folder / ADAPTER_CONFIG).exists():
            message = f"{folder}: is an adapter; pass the folder of the model that it was made for"
        else:
            message = f"{folder}: has no {CONFIG}, so it is not a model that save_pretrained wrote"
        raise InputError(message)
    config = _json(folder / CONFIG)
    tokenizer, generation = folder / "tokenizer.json", folder / GENERATION_CONFIG
    limits = [limit for limit in (_tokenizer_limit(folder), position_limit(config)) if limit]
    return Checkpoint(
        path=folder,
        config=config,
        tensors=dict(_tensors(folder, needed=weights)),
        tokenizer_file=tokenizer if tokenizer.is_file() else None,
        max_length=min(limits, default=None),
        chat_template=read_chat_template(folder),
        special_tokens=_special_tokens(folder),
        added_tokens=_added_tokens(tokenizer),
        generation=_json(generation) if generation.is_file() else None,
    )


def read_chat_template(folder: Path) -> str | None:
    """The chat template of a tokenizer's folder, None where it has none.

    As in transformers, `chat_template.jinja` goes before the one in tokenizer_config.json; of
    several the one named "default" is taken.

    Raises:
        InputError: if a file of it is damaged.
    """
    file = folder / TEMPLATE
    if file.is_file():
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"{file}: cannot be read: {error}"
            raise InputError(message) from None
    for name in (TOKENIZER_CONFIG, "chat_template.json"):
        path = folder / name
        template = _json(path).get("chat_template") if path.is_file() else None
        if isinstance(template, list):
            named = {t.get("name"): t.get("template") for t in template if isinstance(t, dict)}
            template = named.get("default")
        if isinstance(template, str):
            return template
    return None


def _special_tokens(folder: Path) -> dict[str, str]:
    path = folder / TOKENIZER_CONFIG
    found: dict[str, str] = {}
    for name, value in (_json(path) if path.is_file() else {}).items():
        text = value.get("content") if isinstance(value, dict) else value
        if name.endswith("_token") and isinstance(text, str):
            found[name] = text
    return found


class _AddedToken(msgspec.Struct):
    content: str
    special: bool = False


class _Tokenizer(msgspec.Struct):
    """The one part of tokenizer.json that is wanted: its vocabulary is large."""

    added_tokens: list[_AddedToken] = []


def _added_tokens(file: Path) -> tuple[str, ...]:
    """Texts that are control tokens wherever they stand; () where the file does not say."""
    if not file.is_file():
        return ()
    try:
        tokens = msgspec.json.decode(file.read_bytes(), type=_Tokenizer).added_tokens
    except (OSError, msgspec.DecodeError):
        return ()  # whoever reads the tokenizer itself says what is wrong with it
    return tuple(token.content for token in tokens if token.special and token.content.strip())


def position_limit(config: Mapping[str, Any]) -> int | None:
    """The longest input that a model has positions for; None where length has no bound."""
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or positions <= 0:
        return None
    if config.get("position_biased_input") is False:
        return None  # DeBERTa-v3: positions are relative, longer inputs are fine
    model_type = str(config.get("model_type", ""))
    if "roberta" in model_type or model_type in {"camembert", "mpnet", "longformer", "xmod"}:
        # Positions of these families start behind the padding id.
        pad = config.get("pad_token_id")
        return positions - (pad if isinstance(pad, int) else 1) - 1
    return positions


def _tokenizer_limit(folder: Path) -> int | None:
    path = folder / TOKENIZER_CONFIG
    if not path.is_file():
        return None
    limit = _json(path).get("model_max_length")
    return int(limit) if isinstance(limit, int | float) and 0 < limit < NO_LIMIT else None


def _tensors(folder: Path, *, needed: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    if (folder / INDEX).is_file():
        names = _json(folder / INDEX).get("weight_map")
        if not isinstance(names, dict):
            message = f"{folder / INDEX}: has no weight_map"
            raise InputError(message)
        for name in sorted(set(map(str, names.values()))):
            if not (folder / name).is_file():
                message = (
                    f"{folder}: {INDEX} names {name}, which is missing; "
                    "the model was not copied or fetched completely"
                )
                raise InputError(message)
            yield from _header(folder / name)
    elif (folder / WEIGHTS).is_file():
        yield from _header(folder / WEIGHTS)
    elif needed and not any((folder / name).is_file() for name in PICKLED):
        message = f"{folder}: has {CONFIG} but no weights ({WEIGHTS})"
        raise InputError(message)


def _header(path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    damaged = f"{path}: is damaged or cut short; copy or fetch it again"
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            if start.startswith(b"version "):
                message = f"{path}: is a Git LFS pointer, not weights; fetch them with git lfs pull"
                raise InputError(message)
            length = struct.unpack("<Q", start)[0]
            if length > min(size, LARGEST_HEADER):
                raise InputError(damaged)
            header = json.loads(file.read(length))
            tensors = {n: e for n, e in header.items() if n != "__metadata__"}
            end = max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
            if 8 + length + end > size:
                raise InputError(damaged)
            shapes = {name: tuple(entry["shape"]) for name, entry in tensors.items()}
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    except (struct.error, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(damaged) from None
    yield from shapes.items()


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    except ValueError:
        message = f"{path}: is not valid JSON; copy or fetch the model again"
        raise InputError(message) from None
    if not isinstance(value, dict):
        message = f"{path}: is not a JSON object"
        raise InputError(message)
    return value
