"""A real server over a log that grows: what pages are told, and what the log is done to."""

from __future__ import annotations

import http.client
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.serve.conftest import Listener, Log, Page, served

from tunewell.serve import app, follow, sources


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A run that has begun."""
    log = Log(tmp_path / "run")
    log.start()
    log.loss(1, 3.0)
    return log


def test_growth_is_told(log: Log) -> None:
    with served(log.path.parent) as (port, _), closing(Listener(port, Page())) as listener:
        assert listener.answer.status == 200
        assert listener.answer.getheader("content-type", "").startswith("text/event-stream")
        assert listener.answer.getheader("content-encoding") is None
        page = listener.until(lambda page: "loss" in page.columns)
        log.loss(2, 2.0)
        listener.until(lambda page: page.columns["loss"]["v"] == [3.0, 2.0])
        log.find(2, "FIT001", "training loss is flat")
        listener.until(lambda page: page.open == ["FIT001"])
        log.write("finding_closed", step=3, code="FIT001")
        listener.until(lambda page: page.open == [])
        log.write("intervention", step=3, kind="skip", text="The step was skipped.")
        listener.until(lambda page: page.happened)
        log.write("end", step=3, reason="finished")
        listener.until(lambda page: page.state["phase"] == "finished")
        assert page.state["step"] == 3


def test_a_page_comes_back_and_lacks_nothing(log: Log) -> None:
    """By the header that a browser sends, or by the address that the page opens first."""
    with served(log.path.parent) as (port, follower):
        first = Listener(port, Page())
        page = first.until(lambda page: "loss" in page.columns)
        first.close()
        for step in range(2, 8):
            log.loss(step, 1.0 / step)
        follower.read()
        again = Listener(port, page, {"Last-Event-ID": str(page.id)})
        again.next()
        again.close()
        assert page.columns["loss"]["s"] == [1, 2, 3, 4, 5, 6, 7]
        fresh = Page()
        whole = Listener(port, fresh)
        whole.until(lambda page: "loss" in page.columns)
        whole.close()
        assert fresh.columns == page.columns
        assert fresh.id == page.id


@pytest.mark.parametrize(
    "said", ["nonsense", "000000000000-3", "\xff", "../../etc/passwd", "9" * 400]
)
def test_a_page_of_another_server_is_told_everything(log: Log, said: str) -> None:
    with served(log.path.parent) as (port, follower):
        follower.read()
        with closing(Listener(port, Page(), {"Last-Event-ID": said})) as listener:
            assert listener.next().columns["loss"]["v"] == [3.0]


def test_several_pages(log: Log) -> None:
    with served(log.path.parent) as (port, follower):
        listeners = [Listener(port, Page()) for _ in range(5)]
        for listener in listeners:
            listener.until(lambda page: "loss" in page.columns)
        log.loss(2, 2.0)
        for listener in listeners:
            listener.until(lambda page: page.columns["loss"]["s"] == [1, 2])
        for listener in listeners:
            listener.close()
        assert len({listener.page.id for listener in listeners}) == 1
        assert follower.pages <= len(listeners)


def test_a_page_that_takes_nothing_holds_nobody_up(log: Log) -> None:
    """Its stream stands still; another gets every change, and what is kept for it does not grow."""
    with served(log.path.parent) as (port, _), socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", port))
        stalled.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with closing(Listener(port, Page())) as listener:
            listener.until(lambda page: "loss" in page.columns)
            for step in range(2, 5):
                log.write("log", step=step, values={f"value{i}": float(i) for i in range(2000)})
                listener.until(lambda page, step=step: page.state["step"] == step)


def test_too_many_pages_are_refused(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MOST_PAGES", 1)
    with served(log.path.parent) as (port, _), closing(Listener(port, Page())) as listener:
        listener.next()
        with closing(Listener(port, Page())) as refused:
            assert refused.answer.status == 503


def test_requests_that_are_none(log: Log) -> None:
    """Junk on the port changes nothing for the next page."""
    with served(log.path.parent) as (port, _):
        for junk in (b"\x00\xff" * 500, b"GET / HTTP/1.1\r\n\r\n", b"GET " + b"a" * 70_000):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(junk)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        asked.request("GET", "/")
        assert asked.getresponse().status == 200
        asked.close()


WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.utime", "os.truncate"}
seen: list[str] = []
watched: list[str] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    """Python tells of every file that is opened, however; this holds for root too."""
    if not watched:
        return
    named = [str(part) for part in arguments if isinstance(part, str | bytes | Path)]
    if not any(name.startswith(watched[0]) for name in named):
        return
    flags = arguments[2] if event == "open" else 0
    if event in CHANGES or (isinstance(flags, int) and flags & WRITES):
        seen.append(f"{event} {arguments}")


@pytest.fixture
def no_writes(log: Log) -> Iterator[None]:
    """Fails where anything in this process changes something beside the log."""
    if not getattr(sys, "_tunewell_audited", False):
        sys.addaudithook(_audit)
        sys._tunewell_audited = True  # type: ignore[attr-defined]
    seen.clear()
    watched[:] = [str(log.path.parent)]
    yield
    watched.clear()
    assert seen == []


@pytest.mark.usefixtures("no_writes")
def test_the_log_is_only_read(log: Log) -> None:
    """Read-only folder and file, a page, a stream, an end that is examined: nothing is changed."""
    watched.clear()
    log.write("end", step=1, reason="finished")
    log.path.chmod(0o444)
    log.path.parent.chmod(0o555)
    watched[:] = [str(log.path.parent)]
    before = log.path.read_bytes(), log.path.stat().st_mtime_ns, sorted(log.path.parent.iterdir())
    with served(log.path.parent) as (port, _), closing(Listener(port, Page())) as listener:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        asked.request("GET", "/")
        assert b"snapshot" in asked.getresponse().read()
        asked.close()
        listener.until(lambda page: page.state.get("examined") and "loss" in page.columns)
    watched.clear()
    log.path.parent.chmod(0o755)
    after = log.path.read_bytes(), log.path.stat().st_mtime_ns, sorted(log.path.parent.iterdir())
    assert before == after


def test_the_audit_would_see_a_write(log: Log, no_writes: None) -> None:
    """The test above can fail."""
    del no_writes
    log.loss(9, 1.0)
    assert len(seen) == 1
    seen.clear()


def test_nothing_is_read_while_nobody_looks(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that left is noticed at the next heartbeat; then the log is let alone."""
    monkeypatch.setattr(follow, "HEARTBEAT", 0.1)
    read, gone = threading.Event(), threading.Event()
    with served(log.path.parent) as (port, follower):
        poll = follower._reader.poll

        def seen(*, examine: bool = True) -> None:
            poll(examine=examine)
            read.set()

        monkeypatch.setattr(follower._reader, "poll", seen)
        with closing(Listener(port, Page())) as listener:
            listener.next()
            assert read.wait(10)
        for _ in range(100):
            if not follower.pages:
                break
            gone.wait(0.1)
        assert not follower.pages
        gone.wait(2 * sources.QUICK)  # what had begun has ended
        read.clear()
        assert not read.wait(3 * sources.QUICK)
        with closing(Listener(port, Page())) as listener:
            listener.next()
            assert read.wait(10)
