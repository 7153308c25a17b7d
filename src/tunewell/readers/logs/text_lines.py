"""What printed lines say: dicts of transformers, progress bars, `step 12 | loss:1.2`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from math import floor, isfinite, log10
from pathlib import Path

from tunewell.core.errors import InputError

CHUNK = 1 << 20
LONGEST = 1 << 16
"""A longer line is no log of numbers: what follows up to the next line end is passed over."""

ANSI = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
DICT = re.compile(rb"\{\s*['\"][^{}]*\}")
OPEN_DICT = re.compile(rb"\{\s*'[^{}]*$")
PAIR = re.compile(
    rb"['\"]([^'\"]+)['\"]:\s*(?:['\"]([^'\"]*)['\"]|(?:[\w.]+\()?([-+\w.]+))",
)
BAR = re.compile(rb"(\d+)/(\d+) \[(?:\d+:)?\d+:\d\d<[^\]]*\]")
MARKS = re.compile(
    rb"(Num examples|Num Epochs|Total optimization steps|Total train batch size[^=]*|"
    rb"Gradient Accumulation steps|Instantaneous batch size per device) = ([\d,]+)"
)
STEP_LINE = re.compile(
    rb"(?i)(?:^|[\s\[(|,{])(?:global[_ ]?)?(?:step|iter(?:ation)?)s?\b"
    rb"['\"]?[ \t]*[:=#]?[ \t]*\[?(\d+)"
    rb"(?:[ ]?/[ ]?(\d+))?(?![\w.]*it/s)"
)
NAMED = re.compile(
    rb"(?i)((?:(?:train(?:ing)?|val(?:id(?:ation)?)?|eval|test|lm)[ _/])?[A-Za-z][\w/.-]*?)"
    rb"['\"]?(?:[ \t]*[:=][ \t]*|[ \t]+)([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+|nan|inf(?:inity)?))"
    rb"(?![\w:/])(?:%|s\b|ms\b)?"
)
KERAS_EPOCH = re.compile(rb"^Epoch (\d+)/(\d+)\s*$")
KERAS_LINE = re.compile(rb"(\d+)/(\d+|Unknown)\s.*?/(?:step|epoch)\s+-\s+(\w+: .+)$")
KERAS_PAIR = re.compile(rb"([\w.-]+): ([-+.\w]+)")
RANK = re.compile(rb"^\s*\[?(?:rank|default|node\d+:rank)\s?[=:]?(\d+)\]?[:\s]", re.IGNORECASE)
TIME = re.compile(rb"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{1,6}))?")
BEGIN = (b"***** Running training *****", b"Traceback (most recent call last)")

INTEREST = re.compile(rb"(?i)loss|eval_|train_runtime|reward|nll")
"""What a line with values of a log holds; all others are passed over quickly."""

EXACT_DIGITS = 4
"""transformers 5 prints numbers to four significant digits."""


@dataclass(frozen=True, slots=True)
class Logged:
    """Values in a line. `step` and `total` where it says them; `half` is the epoch's rounding.

    `evaluates` where the values are of an evaluation.
    """

    values: tuple[tuple[str, float], ...]
    step: int | None = None
    total: int | None = None
    epoch: float | None = None
    half: float = 0.0
    rank: int | None = None
    time: float = float("nan")
    evaluates: bool = False


def pieces(chunks: Iterable[bytes]) -> Generator[bytes, None, bytes]:
    """The parts of a text between line ends; a progress bar's carriage returns end lines too.

    What stands after the last line end is returned, not yielded: it may be half a line.
    """
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        if b"\b" in text:
            text = text.replace(b"\b", b"\r")
        parts = text.splitlines()
        ended = text.endswith((b"\n", b"\r"))
        rest = b"" if ended or not parts else parts.pop()
        if len(rest) > LONGEST:
            rest = b""
        yield from (part for part in parts if part)
    return rest


def chunks_of(path: Path) -> Iterator[bytes]:
    """The bytes of a text file as UTF-8; what PowerShell redirects is UTF-16.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            first = file.read(CHUNK)
            blocks = iter(lambda: file.read(CHUNK), b"")
            yield from as_utf8(first, blocks)
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None


def as_utf8(first: bytes, rest: Iterable[bytes] = ()) -> Iterator[bytes]:
    """Blocks of bytes with UTF-16 turned into UTF-8, others as they are."""
    if not first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield first
        yield from rest
        return
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    yield decoder.decode(first).encode("utf-8", "replace")
    for block in rest:
        yield decoder.decode(block).encode("utf-8", "replace")


def clean(piece: bytes) -> bytes:
    """Without colours and movements of the cursor."""
    return ANSI.sub(b"", piece) if b"\x1b" in piece else piece


def bar_in(piece: bytes) -> tuple[int, int] | None:
    """The count and the total of the last progress bar in a piece."""
    if b"/" not in piece or b" [" not in piece or b"<" not in piece:
        return None
    found = BAR.findall(piece)
    return (int(found[-1][0]), int(found[-1][1])) if found else None


def dict_in(piece: bytes) -> Logged | None:
    """The values of a dict that the Trainer printed, None where there is none."""
    for found in DICT.finditer(piece):
        logged = _of_dict(found[0], piece[: found.start()])
        if logged is not None:
            return logged
    return None


def _of_dict(text: bytes, before: bytes) -> Logged | None:
    values: list[tuple[str, float]] = []
    step = epoch = None
    half = 0.0
    tells = evaluates = False
    for name, quoted, bare in PAIR.findall(text):
        value = as_number(quoted or bare)
        if value is None:
            continue
        told, kind = _meaning(name)
        if kind == "step":
            step = int(value) if isfinite(value) else None
            continue
        if kind == "epoch" and isfinite(value):
            epoch, half = value, rounding((quoted or bare).decode("ascii", "replace"), bool(quoted))
        tells = tells or kind in {"tells", "evaluates"}
        evaluates = evaluates or kind == "evaluates"
        values.append((told, value))
    if not tells:
        return None
    rank, time = _prefix(before)
    return Logged(tuple(values), step, None, epoch, half, rank, time, evaluates)


@lru_cache(maxsize=4096)
def _meaning(name: bytes) -> tuple[str, str]:
    """A name as text, and its kind: step, epoch, evaluates, tells (a log by itself) or none."""
    told = name.decode("utf-8", "replace")
    if told in {"step", "global_step", "current_steps"}:
        return told, "step"
    if told.startswith(("eval_", "test_")):
        return told, "evaluates"
    if told == "train_runtime" or "loss" in told or "reward" in told:
        return told, "tells"
    return told, "epoch" if told == "epoch" else ""


def rounding(text: str, quoted: bool) -> float:
    """Half a unit of the last place of a printed epoch.

    A quoted number has four significant digits; of others older versions printed two decimals.
    """
    value = abs(float(text))
    if quoted:
        places = EXACT_DIGITS - 1 - (floor(log10(value)) if value > 0 else 0)
        return 0.5 * 10.0**-places
    decimals = text.partition(".")[2]
    return 0.5 * 10.0 ** -max(len(decimals) if decimals.isdigit() else 0, 2)


def step_line_in(piece: bytes) -> Logged | None:
    """The values of a line that says its step: `Step 12 | loss:1.2`, `step 12: loss 1.2`."""
    if b"oss" not in piece and b"OSS" not in piece:
        return None
    told = STEP_LINE.search(piece)
    if told is None:
        return None
    values: list[tuple[str, float]] = []
    for found in NAMED.finditer(piece, told.end()):
        name = found[1].decode("ascii", "replace").strip()
        value = as_number(found[2])
        if value is not None and name.lower() not in {"step", "steps", "iter", "of"}:
            values.append((name.replace(" ", "/"), value))
    if not any("loss" in name.lower() for name, _ in values):
        return None
    rank, time = _prefix(piece[: told.start()])
    total = int(told[2]) if told[2] else None
    return Logged(tuple(values), int(told[1]), total, rank=rank, time=time)


def keras_values(text: bytes) -> tuple[tuple[str, float], ...]:
    """The metrics at the end of a line of Keras."""
    pairs = ((name.decode(), as_number(value)) for name, value in KERAS_PAIR.findall(text))
    return tuple((name, value) for name, value in pairs if value is not None)


def as_number(text: bytes) -> float | None:
    """A printed number, None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def _prefix(before: bytes) -> tuple[int | None, float]:
    """The rank and the time that stand before a line."""
    if not before.strip():
        return None, float("nan")
    rank, time = RANK.search(before), TIME.search(before)
    seconds = float("nan")
    if time is not None:
        # The zone is not told: only differences of times count.
        fraction = time[3].decode().ljust(6, "0") if time[3] else "0"
        stamp = f"{time[1].decode()} {time[2].decode()}"
        try:
            moment = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            seconds = moment.timestamp() + int(fraction) / 1e6
        except ValueError:
            pass
    return (int(rank[1]) if rank is not None else None), seconds
