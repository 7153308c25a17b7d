"""Work out what each file of a folder is, by its name and its content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.core.words import counted
from tunewell.readers.checkpoint import ADAPTER_CONFIG, CONFIG, INDEX, PICKLED, WEIGHTS
from tunewell.readers.completions import FILE as KEPT_ANSWERS
from tunewell.readers.data.arrow import is_saved
from tunewell.readers.data.names import LABEL_NAMES, TEXT_NAMES, fold_name
from tunewell.readers.data.open import SUFFIXES, data_suffix
from tunewell.readers.data.peek import peek_columns
from tunewell.readers.data.shards import shard_stem
from tunewell.readers.files import probe
from tunewell.readers.logs import LOG_FOLDERS, event_folders, folder_runs, is_log_file
from tunewell.readers.logs.hugging_face import NAME as HUGGING_FACE
from tunewell.readers.logs.lightning_csv import LOGS as LIGHTNING_LOGS
from tunewell.readers.logs.lightning_csv import VERSION
from tunewell.readers.logs.llamafactory import LOG as TRAINER_LOG
from tunewell.readers.logs.run_folder import EVENTS as EVENTS_FILE
from tunewell.readers.logs.tensorboard import EVENTS
from tunewell.readers.logs.tunewell_folder import INSIDE
from tunewell.readers.logs.tunewell_folder import NAME as TUNEWELL
from tunewell.readers.logs.wandb import RUN_FOLDER
from tunewell.readers.recipes import SETTINGS_SUFFIXES, look_at
from tunewell.readers.recipes.kinds import LIKELY, TELLING
from tunewell.readers.recipes.text import read_text
from tunewell.subjects.remote import RemotePath

DEEPEST = 3
WATCHED = "holds events.jsonl of a Tunewell run"
MOST_FILES = 2000
"""Files looked at in one call: a project holds fewer, a whole disk more."""

MOST_CONFIG_BYTES = 256 * 1024
"""A larger JSON or YAML file is data."""

SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages", "tunewell-runs"}) | {
    "wandb",
    "mlruns",
    "lightning_logs",
}
"""Folders that are not walked; the last three are asked for runs as a whole, as are the run
folders of W&B, of which several may be parts of one run."""

ORDER = (
    "train", "eval", "test", "config", "model", "adapter", "tokenizer", "run", "log",
    "predictions", "script", "text-log", "unknown",
)  # fmt: skip
NAME_PARTS = {
    "predictions": {"pred", "preds", "prediction", "predictions", "predicted"},
    "train": {"train", "training"},
    "eval": {"eval", "evaluation", "valid", "validation", "val", "dev"},
    "test": {"test", "testing", "holdout"},
}
PREDICTION_COLUMNS = frozenset(
    {"prediction", "predicted", "predicted_label", "pred", "pred_label", "y_pred", "predictions"}
)
NO_CONFIG = "no configuration of a training that is known"
NO_ROWS = "no table of rows shows in its first bytes"
GIVEN_COLUMNS = frozenset(LABEL_NAMES) | {"true", "y_true", "gold", "gold_label", "given"}
CHECKPOINT = re.compile(r"checkpoint-(\d+)")
PRINTED = (".log", ".out", ".err")
FIXED_NAMES = {
    "trainer_state.json": ("log", "the log that the Hugging Face Trainer saves"),
    "tunewell.toml": ("config", "the settings of Tunewell"),
    "tokenizer.json": ("tokenizer", "named as a tokenizer's file is"),
    "tokenizer_config.json": ("tokenizer", "named as a tokenizer's file is"),
}
BY_CONTENT = (
    (
        (".py",),
        re.compile(
            r"\b(\w*Trainer|\w*TrainingArguments|AutoModel\w*|SentenceTransformer|LoraConfig"
            r"|DataLoader|train_test_split|load_dataset)\b"
        ),
        "script",
        "a Python file that prepares data or trains a model",
    ),
    (
        (".log", ".out", ".err", ".txt"),
        re.compile(
            r"Traceback \(most recent call last\)|[{ ]'?(loss|eval_loss)'?\s*[:=]|\w+Error:"
        ),
        "text-log",
        "text with the lines of a training log",
    ),
)
"""Suffixes, what the first bytes must hold, the role and the reason."""


@dataclass(frozen=True, slots=True)
class Found:
    """A path with what it was taken for and why.

    `role` is train, eval, test, config, script, tokenizer, model, adapter, log (a file or folder of
    a trainer or tracker), run (a Tunewell run folder), predictions, text-log or unknown.
    `named` tells a role that the user gave from one that was worked out.
    """

    path: Path
    role: str
    reason: str
    named: bool = False


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk over one folder: its runs of TensorBoard, and the files of runs told by a folder."""

    events: frozenset[Path]
    seen: set[Path] = field(default_factory=set)


def recognise(paths: Iterable[Path]) -> tuple[Found, ...]:
    """What the files are, those of a role together, the likeliest first.

    Folders are walked three deep. Hidden folders, environments and Tunewell's own runs are passed
    over; of several checkpoints beside each other the newest counts.

    Raises:
        InputError: if a path is not there.
    """
    found: list[Found] = []
    for path in paths:
        if not path.exists() and not path.is_symlink():
            message = f"{path}: no such file or folder"
            raise InputError(message)
        found.extend(
            _folder(path, 0, _Walk(event_folders(path))) if path.is_dir() else [_given(_file(path))]
        )
    found = _only_data_trains(found[:MOST_FILES])
    return tuple(sorted(found, key=_order))


def _order(found: Found) -> tuple[int, int, int, str]:
    # train.csv goes before train_old.csv, and a file near the top before one deep below.
    path = found.path
    return ORDER.index(found.role), len(path.parts), len(path.name), str(path)


def _folder(folder: Path, depth: int, walk: _Walk) -> Iterator[Found]:
    whole = _whole_folder(folder)
    yield from _watched_by_lightning(folder)
    yield from _logs(folder, walk)
    if whole is not None:
        yield whole
        state = folder / "trainer_state.json"
        if whole.role in {"model", "adapter"} and state.is_file() and state not in walk.seen:
            yield _file(state)
        if whole.role not in {"model", "adapter"}:
            return
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        yield Found(folder, "unknown", "the folder cannot be read")
        return
    if whole is not None:
        # Its own files are told by the folder; a training run keeps its log in a checkpoint.
        entries = [entry for entry in entries if CHECKPOINT.fullmatch(entry.name)]
    new = (e for e in entries if e not in walk.seen and EVENTS not in e.name)
    for entry in _worth_a_look(new):
        if entry.is_dir():
            if depth < DEEPEST:
                yield from _folder(entry, depth + 1, walk)
        elif (found := _file(entry)).role != "unknown" or data_suffix(entry) in SUFFIXES:
            yield found


def _logs(folder: Path, walk: _Walk) -> Iterator[Found]:
    """The folder as one that holds runs, where it does and no folder above was taken for them."""
    below = [folder / name for name in LOG_FOLDERS if (folder / name).is_dir()]
    for place in (folder, *below):
        runs = folder_runs(place, walk.events)
        new = [run for run in runs if run.path not in walk.seen and run.format != TUNEWELL]
        walk.seen.update(run.path for run in new if run.path != folder)
        if new:
            kinds = ", ".join(dict.fromkeys(run.format for run in new))
            yield Found(place, "log", f"holds {counted(len(new), 'run')} ({kinds})")
        if new and new[0].format == HUGGING_FACE:
            # What else was logged here is of the same run, and joined to it by the reader.
            walk.seen.update(place.glob("checkpoint-*/trainer_state.json"))
            walk.seen.update((folder / "runs", folder / TRAINER_LOG))
            return


def _watched_by_lightning(folder: Path) -> Iterator[Found]:
    """The run folders of a watcher inside Lightning's log folder, if its newest run has one."""
    versions = {
        int(m[1]): entry / INSIDE
        for entry in (folder / LIGHTNING_LOGS).glob("version_*")
        if (m := VERSION.search(entry.name))
    }
    if versions and (versions[max(versions)] / EVENTS_FILE).is_file():
        watched = (inside for inside in versions.values() if (inside / EVENTS_FILE).is_file())
        yield from (Found(inside, "run", WATCHED) for inside in watched)


def _worth_a_look(entries: Iterable[Path]) -> Iterator[Path]:
    """What is neither hidden nor an environment nor an older one of several checkpoints."""
    known = list(entries)
    steps = {entry: int(m[1]) for entry in known if (m := CHECKPOINT.fullmatch(entry.name))}
    newest = max(steps.values(), default=-1)
    for entry in known:
        skipped = entry.name in SKIPPED or RUN_FOLDER.match(entry.name) is not None
        hidden = entry.name.startswith(".") or skipped or _is_environment(entry)
        # What the model wrote during a run is no data to train on.
        hidden = hidden or KEPT_ANSWERS.fullmatch(entry.name) is not None
        if not hidden and steps.get(entry, newest) == newest:
            yield entry


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file()


def _whole_folder(folder: Path) -> Found | None:
    if (folder / EVENTS_FILE).is_file():
        return Found(folder, "run", WATCHED)
    if is_saved(folder):
        role = _role_by_name(folder)[0] or "train"
        return Found(folder, role, "a data set that save_to_disk of Hugging Face datasets wrote")
    if (folder / ADAPTER_CONFIG).is_file():
        return Found(folder, "adapter", f"holds {ADAPTER_CONFIG}")
    weights = next((n for n in (WEIGHTS, INDEX, *PICKLED) if (folder / n).is_file()), None)
    if weights is not None and (folder / CONFIG).is_file():
        return Found(folder, "model", f"holds {CONFIG} and {weights}")
    return None


def _file(path: Path) -> Found:
    told = FIXED_NAMES.get(path.name) or is_log_file(path)
    if told is not None:
        return Found(path, *told)
    suffix = data_suffix(path)
    if path.suffix in SETTINGS_SUFFIXES and (config := _config(path)) is not None:
        return config
    try:
        looked = probe(path)
    except InputError as error:
        return Found(path, "unknown", str(error).removeprefix(f"{path}: "))
    head = looked.head.decode(looked.encoding, "replace")
    for suffixes, content, role, reason in BY_CONTENT:
        if suffix in suffixes and content.search(head):
            return Found(path, role, reason)
    if suffix in SUFFIXES:
        return _data(path, head, looked.disguise)
    return Found(path, "unknown", f"no known kind of file ({suffix or 'no suffix'})")


def _config(path: Path) -> Found | None:
    """A configuration of a training in JSON or YAML, told by its keys; None for other JSON."""
    kind, reason = None, NO_CONFIG
    text = _short_text(path)
    if text is not None and LIKELY.search(text):
        try:
            kind = look_at(path)
        except InputError as error:
            reason = str(error).removeprefix(f"{path}: ")
            if TELLING.search(text):
                return Found(path, "config", reason)
    if kind is not None and kind.trains:
        return Found(path, "config", kind.reason)
    if kind is not None:
        reason = f"{kind.reason}, but not for training"
    elif path.suffix == ".json":
        return None
    return Found(path, "unknown", reason)


def _short_text(path: Path) -> str | None:
    """The text of a file that is no longer than a configuration, None of any other."""
    try:
        if isinstance(path, RemotePath) or path.stat().st_size > MOST_CONFIG_BYTES:
            return None
        return read_text(path)
    except (InputError, OSError):
        return None


def _role_by_name(path: Path) -> tuple[str | None, str]:
    words = [word for word in re.split(r"[^a-z]+", path.stem.casefold()) if word]
    for role, known in NAME_PARTS.items():
        word = next((word for word in words if word in known), None)
        if word is not None:
            return role, f"name contains {word!r}"
        if path.parent.name.casefold() in known:
            return role, f"in a folder called {path.parent.name!r}"
    return None, ""


def _data(path: Path, head: str, disguise: str | None) -> Found:
    role, why = _role_by_name(path)
    if disguise is not None:
        return Found(path, role or "unknown", "; ".join(filter(None, (why, f"is a {disguise}"))))
    if ".fixed." in path.name:
        return Found(path, "unknown", "a repaired copy that Tunewell wrote")
    columns = peek_columns(path, head)
    folded = {fold_name(name) for name in columns}
    what = f"columns {', '.join(columns)}" if columns else ""
    if folded & PREDICTION_COLUMNS and folded & GIVEN_COLUMNS:
        return Found(path, "predictions", what)
    if role is not None and (columns or data_suffix(path) == ".json"):
        return Found(path, role, "; ".join(filter(None, (why, what))))
    if folded & set(TEXT_NAMES) and folded & set(LABEL_NAMES):
        return Found(path, "data", what)
    return Found(path, "table" if len(columns) > 1 else "unknown", what or NO_ROWS)


def _given(found: Found) -> Found:
    """A file that the user named is data if it can be: its reader will say what is wrong."""
    if found.role == "unknown" and data_suffix(found.path) in SUFFIXES:
        return Found(found.path, "table", found.reason)
    if found.role == "unknown" and found.path.suffix in PRINTED and found.path.is_file():
        return Found(found.path, "text-log", "given, and no other kind of file: read as printed")
    return found


def _only_data_trains(found: list[Found]) -> list[Found]:
    """Settle the data files whose name says nothing: alone, one is what there is to train on."""
    labelled = [f for f in found if f.role == "data"]
    tables = [f for f in found if f.role in {"table", "unknown"}]
    candidates = labelled or (tables if len({f.role for f in tables}) == 1 else [])
    candidates = [f for f in candidates if f.role != "unknown"]
    if len({shard_stem(f.path) or f.path for f in candidates}) > 1:
        candidates = []
    lone = bool(candidates) and not any(f.role == "train" for f in found)
    settled: list[Found] = []
    for entry in found:
        if entry.role not in {"data", "table"}:
            settled.append(entry)
        elif lone and entry in candidates:
            reason = f"the only data without another role; {entry.reason}"
            settled.append(Found(entry.path, "train", reason))
        else:
            reason = f"its name does not say what it is for; {entry.reason}"
            settled.append(Found(entry.path, "unknown", reason))
    return _with_siblings(settled)


def _with_siblings(found: list[Found]) -> list[Found]:
    """What lies among the files of a split and does not look like data belongs to it all the same.

    An empty or damaged file among several would be left out without a word.
    """
    roles = {
        stem: entry
        for entry in reversed(found)  # the first of a split gives its name
        if entry.role in {"train", "eval", "test"} and (stem := shard_stem(entry.path)) is not None
    }
    belongs = ((entry, roles.get(shard_stem(entry.path) or "")) for entry in found)
    return [
        Found(entry.path, other.role, f"a file of the split of {other.path.name}; {entry.reason}")
        if other is not None and entry.role == "unknown"
        else entry
        for entry, other in belongs
    ]
