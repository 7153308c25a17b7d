"""`tunewell serve` from outside: what it says, and how it ends."""

from __future__ import annotations

import http.client
import importlib.util
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.conftest import Run

RUN = Path(__file__).parents[1] / "fixtures" / "runs" / "healthy" / "frozen-encoder"
COMMAND = [sys.executable, "-c", "from tunewell.cli.main import run; run()", "serve"]


@contextmanager
def started(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the first line that it says."""
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield process, process.stderr.readline()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        process.stderr.close()


def ask(address: str, path: str = "/", **headers: str) -> http.client.HTTPResponse:
    """One request, and its answer, read."""
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.body = answer.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return answer


def test_serves_until_the_keyboard_ends_it_and_says_nothing_then() -> None:
    """Also with a page that listens."""
    with started(RUN, "--port", "0", "--no-open") as (process, line):
        address = re.search(r"http://(127\.0\.0\.1:\d+)/ \(Ctrl-C ends it\)", line)
        assert address, line
        assert ask(address[1]).status == 200
        stream = http.client.HTTPConnection(address[1], timeout=20)
        stream.request("GET", "/events")
        assert stream.getresponse().readline() == b"retry: 1000\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        stream.close()


def test_a_wider_address_gets_a_token_that_counts() -> None:
    with started(RUN, "--port", "0", "--host", "0.0.0.0", "--no-open") as (_, line):  # noqa: S104
        address = re.search(r"http://[^:/]+:(\d+)/(\?token=([\w-]{43})) ", line)
        assert address, line
        here = f"127.0.0.1:{address[1]}"
        assert ask(here).status == 403
        assert ask(here, "/events").status == 403
        admitted = ask(here, f"/{address[2]}")
        assert admitted.status == 200
        cookie = str(admitted.getheader("set-cookie")).partition(";")[0]
        assert ask(here, cookie=cookie).status == 200
        assert ask(here, cookie=cookie, host="evil.example").status == 421


def test_a_token_on_this_machine_where_wanted() -> None:
    with started(RUN, "--port", "0", "--token", "--no-open") as (_, line):
        address = re.search(r"http://(127\.0\.0\.1:\d+)/\?token=", line)
        assert address, line
        assert ask(address[1]).status == 403


def test_waits_for_a_run(tmp_path: Path) -> None:
    with started(tmp_path / "none-yet", "--wait", "--port", "0", "--no-open") as (_, line):
        address = re.search(r"http://(127\.0\.0\.1:\d+)/", line)
        assert address, line
        assert '"phase":"waiting"' in str(ask(address[1]).body)  # type: ignore[attr-defined]


def test_bad_input_is_one_sentence(tunewell: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, said in (
        ((tmp_path / "none",), "no such file or folder"),
        ((tmp_path / "empty",), "--wait"),
        ((RUN, "--run", "other"), "no run called 'other'"),
        ((RUN, "--host", "no.such.host.invalid"), "no address of this machine"),
        ((RUN, "--host", "192.0.2.1"), "cannot be bound"),
    ):
        ended = tunewell("serve", *arguments, "--no-open")
        assert ended.status == 2
        assert said in ended.err
        assert ended.err.count("\n") == 1


def test_a_port_that_is_taken(tunewell: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = tunewell("serve", RUN, "--port", port, "--no-open")
    assert ended.status == 2
    assert f"port {port} of 127.0.0.1 is taken; --port 0 takes a free one" in ended.err


def test_without_the_extra(tunewell: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "uvicorn" else real(name)
    )
    ended = tunewell("serve", RUN, "--no-open")
    assert ended.status == 2
    assert "pip install 'tunewell[serve]'" in ended.err
    assert ended.err.count("\n") == 1
