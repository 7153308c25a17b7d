"""Near duplicates at scale, beside rensa and datasketch on the same machine in one run.

    python benchmarks/near_duplicates.py DATA_FOLDER [--peers PYTHON] [--sizes 52k,520k,2M]

DATA_FOLDER holds alpaca_original/alpaca_data.json.gz. PYTHON is an interpreter that has rensa,
datasketch, numpy and pyarrow (by default this one); a tool that is not there is left out. Each tool
runs in a process of its own, held to one processor and then to two, on 52,002 rows and on ten
tiles of them, in nine of which 5 % of the words were dropped or changed with the next one. All are
asked for clusters at a Jaccard similarity of about 0.7. Tunewell alone takes forty tiles as well.

The figures go to benchmarks/results/near_duplicates.md.
"""

# ruff: noqa: PLC0415  a child process loads its own tool and nothing of the others

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "results" / "near_duplicates.md"
THRESHOLD = 0.7
PERMUTATIONS = 128
SHARE = 0.05
ROWS_AT_ONCE = 10_000
UNRELATED = 0.4
"""Below this similarity two source rows are called unrelated; Alpaca's own median is 0.05."""

TILES = {"52k": 1, "520k": 10, "2M": 40}


def main() -> None:
    """Run every tool and write the table."""
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=Path)
    options.add_argument("--peers", default=sys.executable)
    options.add_argument("--sizes", default=",".join(TILES))
    chosen = options.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for size in chosen.sizes.split(","):
            file = Path(folder) / f"{size}.arrow"
            sources = write(chosen.folder, file, TILES[size])
            for tool in ["tunewell"] if size == "2M" else TOOLS:
                python = sys.executable if tool == "tunewell" else chosen.peers
                for processors in (1, 2):
                    if (size == "2M" and processors == 1) or (
                        # It uses one processor whatever it is given.
                        size == "520k" and tool == "datasketch" and processors > 1
                    ):
                        continue
                    found = measured(python, tool, file, processors)
                    if found is None:
                        print(f"{tool} is not installed: left out")
                        break
                    found |= judged(file, sources, size)
                    results.append({"size": size, "tool": tool, "processors": processors, **found})
                    print(results[-1], flush=True)
                    RESULT.write_text(page(results), encoding="utf-8")


def write(folder: Path, file: Path, tiles: int) -> int:
    """Write the rows as an Arrow file; the number of source rows."""
    import pyarrow as pa

    with gzip.open(folder / "alpaca_original" / "alpaca_data.json.gz") as stream:
        rows = json.load(stream)
    texts = [" ".join(filter(None, (r["instruction"], r["input"], r["output"]))) for r in rows]
    schema = pa.schema([("text", pa.large_string())])
    shuffle = random.Random(0)  # noqa: S311  a seeded benchmark
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for tile in range(tiles):
            copies = [perturbed(text, shuffle) for text in texts] if tile else texts
            writer.write_table(pa.table([pa.array(copies, pa.large_string())], schema))
    return len(texts)


def perturbed(text: str, shuffle: random.Random) -> str:
    """The text with `SHARE` of its words dropped or changed with the next one, half of each."""
    words = text.split()
    out = []
    at = 0
    while at < len(words):
        if shuffle.random() < SHARE:
            if shuffle.random() < 0.5:  # noqa: PLR2004  half
                at += 1
                continue
            if at + 1 < len(words):
                out += [words[at + 1], words[at]]
                at += 2
                continue
        out.append(words[at])
        at += 1
    return " ".join(out)


def measured(python: str, tool: str, file: Path, processors: int) -> dict[str, Any] | None:
    """Seconds and memory of one tool in a process of its own; None where it is not installed."""
    environment = os.environ | {
        "RAYON_NUM_THREADS": str(processors),
        "OMP_NUM_THREADS": str(processors),
    }
    done = subprocess.run(
        [python, "-c", CHILD, str(Path(__file__)), tool, str(file), str(processors)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode == NOT_INSTALLED:
        return None
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


CHILD = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("near_duplicates", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
"""
NOT_INSTALLED = 77


def child(tool: str, file: str, processors: int) -> None:
    """Cluster the rows of a file with one tool, print what it took and save the clusters."""
    if importlib.util.find_spec(tool) is None:
        sys.exit(NOT_INSTALLED)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:processors])
    import numpy as np
    import pyarrow as pa

    with pa.OSFile(file) as source:
        column = pa.ipc.open_file(source).read_all().column(0)
    run = TOOLS[tool]
    if tool == "tunewell":
        from tunewell.subjects.parts import Texts

        texts: Any = Texts(column)
        from tunewell.facts.near import duplicates

        usual, duplicates.EVERY_PAIR_UP_TO = duplicates.EVERY_PAIR_UP_TO, 0
        small: Any = Texts.of(["one of two short texts", "two of two short texts"])
    else:
        texts = column.to_pylist()
        small = texts[:2]
    run(small)  # imports, thread pools, on the path that large data takes
    if tool == "tunewell":
        duplicates.EVERY_PAIR_UP_TO = usual
    del column
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    base = resident("VmRSS")
    cpu, wall = time.process_time(), time.perf_counter()
    cluster = run(texts)
    seconds = time.process_time() - cpu, time.perf_counter() - wall
    report = {
        "cpu_seconds": seconds[0],
        "wall_seconds": seconds[1],
        "rows": len(texts),
        "bytes_a_row": (resident("VmHWM") - base) / len(texts),
    }
    np.save(f"{file}.npy", cluster)
    print(json.dumps(report))


def resident(what: str) -> int:
    """Bytes of memory of this process: VmRSS, or VmHWM, its peak."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what):
            return 1024 * int(line.split()[1])
    raise KeyError(what)


def tunewell(texts: Any) -> Any:  # noqa: ANN401  whatever the tool takes and gives
    """Folding, exact groups, MinHash, comparison in full, clusters."""
    from tunewell.facts.near.duplicates import groups, similar
    from tunewell.subjects.dataset import Dataset, Source, Split

    where = Source(Path("rows"), "arrow", "text", None, ("text",), "a benchmark")
    empty = range(len(texts))
    dataset = Dataset(Split("train", texts, empty, empty, where))  # type: ignore[arg-type]
    known = groups(dataset)
    return similar(known.texts, THRESHOLD).cluster[known.group]


class Union:
    """Clusters from pairs, for the tools that give pairs."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def find(self, at: int) -> int:
        """The thing that stands for a cluster."""
        parent = self.parent
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    def join(self, one: int, other: int) -> None:
        """Make one cluster of two."""
        low, high = sorted((self.find(one), self.find(other)))
        self.parent[high] = low


def word_runs(text: str) -> list[str]:
    """Runs of three words."""
    words = text.lower().split()
    return [" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2))]


def rensa(texts: list[str]) -> list[int]:
    """R-MinHash from token sets in batches, 16 bands of 8, all matches joined."""
    from rensa import RMinHash, RMinHashLSH  # type: ignore[import-not-found, unused-ignore]

    union = Union(len(texts))
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16)
    for low in range(0, len(texts), ROWS_AT_ONCE):
        sets = [word_runs(text) for text in texts[low : low + ROWS_AT_ONCE]]
        hashes = RMinHash.from_token_sets(sets, PERMUTATIONS, 42)
        index.insert_many(hashes, low)
        for row, matches in enumerate(index.query_all(hashes), low):
            for other in matches:
                union.join(row, other)
    return [union.find(row) for row in range(len(texts))]


def datasketch(texts: list[str]) -> list[int]:
    """MinHash in bulk, 14 bands of 9 (its own choice for 0.7), all matches joined."""
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-not-found, unused-ignore]

    union = Union(len(texts))
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    for low in range(0, len(texts), ROWS_AT_ONCE):
        part = texts[low : low + ROWS_AT_ONCE]
        sets = [[run.encode() for run in word_runs(text)] for text in part]
        for row, hashes in enumerate(MinHash.generator(sets, num_perm=PERMUTATIONS, seed=42), low):
            for other in index.query(hashes):
                union.join(row, other)
            index.insert(row, hashes)
    return [union.find(row) for row in range(len(texts))]


TOOLS: dict[str, Callable[[Any], Any]] = {
    "tunewell": tunewell,
    "rensa": rensa,
    "datasketch": datasketch,
}


def judged(file: Path, sources: int, size: str) -> dict[str, Any]:
    """Recall of the copies, clusters of several source rows, and of unrelated ones."""
    import numpy as np
    import pyarrow as pa

    from tunewell.facts.near.folding import folded, whole
    from tunewell.facts.near.jaccard import similarities
    from tunewell.subjects.parts import Texts

    cluster = np.load(f"{file}.npy")
    source = np.arange(len(cluster)) % sources
    copies = cluster[sources:]
    recall = float((copies == cluster[source[sources:]]).mean()) if size != "52k" else None
    members: dict[int, set[int]] = {}
    joined = np.unique(np.stack([cluster, source], axis=1), axis=0)
    for label, row in joined.tolist():
        members.setdefault(label, set()).add(row)
    mixed = [sorted(rows) for rows in members.values() if len(rows) > 1]
    pairs = [(a, b) for rows in mixed for a in rows for b in rows if a != b]
    with pa.OSFile(str(file)) as stream:
        texts = Texts(pa.ipc.open_file(stream).get_batch(0).column(0).slice(0, sources))
        texts = Texts(pa.chunked_array([texts.column]))
        known = whole(folded(texts))
    nearest: dict[int, float] = {}
    values = similarities(known, np.array(pairs, dtype=np.int64).reshape(-1, 2)).tolist()
    for (row, _), value in zip(pairs, values, strict=True):
        nearest[row] = max(nearest.get(row, 0.0), value)
    unrelated = sum(any(nearest[row] < UNRELATED for row in rows) for rows in mixed)
    return {"recall": recall, "mixed": len(mixed), "unrelated": unrelated}


def page(results: list[dict[str, Any]]) -> str:
    """The table and the ratios as Markdown."""
    lines = [
        "# Near duplicates",
        "",
        "`python benchmarks/near_duplicates.py DATA_FOLDER`: Alpaca (52,002 rows, 19 MB) and tiles",
        "of it with 5 % of the words dropped or changed with the next one. Every tool gives",
        f"clusters at a Jaccard similarity of about {THRESHOLD}; Tunewell compares each pair it",
        "reports in full, the others trust their hashes. Memory is the peak above the loaded rows.",
        "A mixed cluster holds several source rows; it is unrelated where the similarity of one of",
        f"them to each of the others is below {UNRELATED}.",
        "",
        (
            "| rows | tool | processors | CPU s | wall s | rows per CPU s | rows per s "
            "| bytes a row | recall | mixed | unrelated |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in results:
        recall = "" if one["recall"] is None else f"{one['recall']:.3f}"
        lines.append(
            f"| {one['rows']:,} | {one['tool']} | {one['processors']} | {one['cpu_seconds']:.2f} "
            f"| {one['wall_seconds']:.2f} | {one['rows'] / one['cpu_seconds']:,.0f} "
            f"| {one['rows'] / one['wall_seconds']:,.0f} | {one['bytes_a_row']:,.0f} | {recall} "
            f"| {one['mixed']} | {one['unrelated']} |"
        )
    lines += ["", "How many times as many rows as the others:", ""]
    ours = {(r["size"], r["processors"]): r for r in results if r["tool"] == "tunewell"}
    for one in results:
        if one["tool"] == "tunewell":
            continue
        mine = ours[one["size"], one["processors"]]
        lines.append(
            f"- {one['rows']:,} rows, {one['processors']} processors, {one['tool']}: "
            f"{one['cpu_seconds'] / mine['cpu_seconds']:.1f} times per CPU second, "
            f"{one['wall_seconds'] / mine['wall_seconds']:.1f} times per second"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
