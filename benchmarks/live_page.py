"""What the live page costs: at rest, at its first load of a long run, and beside a training.

    python benchmarks/live_page.py [pairs] [steps]

Processor time is read from /proc, so it runs on Linux. With Chromium installed the page is really
open beside the training, on the same processor; else only its stream is. Writes
results/live_page.json.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tunewell.train.quiet import quiet
from tunewell.train.watch import Watch
from watch_overhead import train

RESULT = Path(__file__).parent / "results" / "live_page.json"
COMMAND = [sys.executable, "-c", "from tunewell.cli.main import run; run()", "serve"]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TICKS = os.sysconf("SC_CLK_TCK")
REST_SECONDS = 30


@contextlib.contextmanager
def serving(path: Path) -> Iterator[tuple[int, int]]:
    """The command in a process of its own: its process and its port."""
    process = subprocess.Popen(
        [*COMMAND, str(path), "--wait", "--port", "0", "--no-open"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None  # noqa: S101  a pipe was asked for
    line = process.stderr.readline()
    port = re.search(r":(\d+)/", line)
    assert port, line  # noqa: S101  the benchmark cannot go on
    try:
        yield process.pid, int(port[1])
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()


def processor_seconds(process: int) -> float:
    """Of a process so far, in user and system mode."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes(process: int) -> float:
    """Resident memory of a process."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(found[1]) / 1000 if found else math.nan


def page(port: int) -> tuple[float, bytes]:
    """Seconds until the page is there, and the page."""
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    began = time.perf_counter()
    asked.request("GET", "/")
    body = asked.getresponse().read()
    asked.close()
    return time.perf_counter() - began, body


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """An open stream whose messages are taken and thrown away."""
    asked = http.client.HTTPConnection("127.0.0.1", port)
    asked.request("GET", "/events")
    answer = asked.getresponse()
    connection = asked.sock

    def take() -> None:
        with contextlib.suppress(OSError, ValueError):
            while answer.readline():
                pass

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield
    with contextlib.suppress(OSError, AttributeError):
        connection.shutdown(2)
    thread.join(5)


def family(process: int) -> list[int]:
    """A process and all that it started."""
    found = [process]
    for task in Path(f"/proc/{process}/task").iterdir():
        children = (task / "children").read_text(encoding="ascii").split()
        found += [one for child in children for one in family(int(child))]
    return found


@contextlib.contextmanager
def browsing(port: int) -> Iterator[int | None]:
    """The page open in a browser without a window, or only its stream where there is none."""
    if CHROMIUM is None:
        with listening(port):
            yield None
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--remote-debugging-port=0",
                f"--user-data-dir={profile}", f"http://127.0.0.1:{port}/",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(3)  # it takes a while to start, which is no cost of the page
        try:
            yield browser.pid
        finally:
            browser.terminate()
            browser.wait(20)


def write_long_run(folder: Path, steps: int, at: float) -> int:
    """A watcher's log with single steps, logs, evaluations and layers; returns its bytes.

    Numbers are drawn: only their count matters here.
    """
    drawn = np.random.default_rng(0)
    layers = [f"layers.{i}.{part}" for i in range(12) for part in ("q", "v", "up", "down")]
    file = folder / "events.jsonl"
    with file.open("w", encoding="utf-8") as log:

        def write(event: str, at_step: int, **values: Any) -> None:  # noqa: ANN401  JSON
            when = at + 0.2 * at_step
            log.write(json.dumps({"event": event, "time": when, **values}) + "\n")

        write("start", 0, step=0, max_steps=2 * steps, settings={"learning_rate": 1e-4})
        for step in range(10, steps + 1, 10):
            of_each = {
                name: np.round(drawn.gamma(9, 0.1, 10), 4).tolist()
                for name in ("step_loss", "step_seconds", "data_seconds", "trained_tokens")
            }
            write("steps", step, step=list(range(step - 9, step + 1)), **of_each)
            names = ("loss", "grad_norm", "learning_rate", "process_bytes", "watch_seconds")
            write(
                "log",
                step,
                values=dict(zip(names, drawn.random(5).tolist(), strict=True)),
                step=step,
            )
            if step % (steps // 40) == 0:
                write("log", step, step=step, values={"eval_loss": 1.0, "eval_accuracy": 0.5})
                ratios = (10 ** drawn.normal(-3, 0.3, len(layers))).tolist()
                values = {f"update_ratio/{n}": v for n, v in zip(layers, ratios, strict=True)}
                write("layers", step, step=step, values=values)
    return file.stat().st_size


def at_rest(folder: Path) -> dict[str, float]:
    """Share of one core in per cent: nobody looks; one page looks at a run that writes nothing."""
    write_long_run(folder, 1_000, time.time() - 200)
    with serving(folder) as (process, port):
        page(port)
        shares = {}
        for name, looking in (("nobody", contextlib.nullcontext()), ("one page", listening(port))):
            with looking:
                time.sleep(15)  # the first examination, with the loading of the checks, is no rest
                before = processor_seconds(process)
                time.sleep(REST_SECONDS)
                spent = processor_seconds(process) - before
                shares[name] = round(100 * spent / REST_SECONDS, 2)
        return shares


def first_load(folder: Path, steps: int) -> dict[str, float]:
    """Of a run that goes on, so that no examination is in it."""
    size = write_long_run(folder, steps, time.time() - 0.2 * steps)
    with serving(folder) as (process, port):
        before = processor_seconds(process)
        first, body = page(port)
        spent = processor_seconds(process) - before
        second, _ = page(port)
        return {
            "steps": steps,
            "log_bytes": size,
            "first_seconds": round(first, 2),
            "first_processor_seconds": round(spent, 2),
            "second_seconds": round(second, 3),
            "page_bytes": len(body),
            "page_bytes_gzip": len(gzip.compress(body, 5)),
            "resident_megabytes": round(megabytes(process), 1),
        }


def beside_training(pairs: int, steps: int) -> dict[str, Any]:
    """Median ratio of step times, with the page against without, with a 95 % bootstrap interval.

    On a machine that others use the interval is wide; the processor time that the server and the
    browser took, as a share of one core, is not.
    """
    ratios: list[float] = []
    shares: dict[str, list[float]] = {"server": [], "browser": []}
    with quiet(1), tempfile.TemporaryDirectory() as folder:
        train(5, out=Path(folder))
        for pair in range(pairs):
            runs = {}
            for shown in (True, False) if pair % 2 else (False, True):
                out = Path(folder) / f"{pair}-{shown}"
                out.mkdir()
                with contextlib.ExitStack() as stack:
                    watched = {}
                    if shown:
                        server, port = stack.enter_context(serving(out))
                        browser = stack.enter_context(browsing(port))
                        watched = {
                            "server": [server],
                            "browser": family(browser) if browser else [],
                        }
                    before = {one: processor_seconds(one) for of in watched.values() for one in of}
                    began = time.perf_counter()
                    watch = Watch(every=10, announce=None)
                    runs[shown] = np.diff(train(steps, watch, out=out).ends)
                    passed = time.perf_counter() - began
                    for name, of in watched.items():
                        # Some of a browser's processes end soon after it started.
                        alive = [one for one in of if Path(f"/proc/{one}").is_dir()]
                        spent = sum(processor_seconds(one) - before[one] for one in alive)
                        shares[name].append(100 * spent / passed)
            ratios.append(float(np.median(runs[True]) / np.median(runs[False])))
    drawn = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    return {
        "pairs": pairs,
        "steps": steps,
        "browser": CHROMIUM is not None,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[1], 1),
        "median_ratio": round(float(np.median(ratios)), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "per_cent_of_a_core": {name: round(float(np.median(of)), 2) for name, of in shares.items()},
    }


def main(pairs: int = 6, steps: int = 60) -> None:
    """All three."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        result = {
            "at_rest_per_cent_of_a_core": at_rest(Path(one)),
            "first_load": first_load(Path(other), 100_000),
            "beside_training": beside_training(pairs, steps),
        }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))
