"""A log that grows, a server over it, and pages that listen."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from tunewell.engine.settings import Settings
from tunewell.serve.app import make_app
from tunewell.serve.follow import Follower
from tunewell.serve.guard import Access
from tunewell.serve.live_run import LiveRun
from tunewell.serve.server import Server, bind
from tunewell.serve.sources import Reader

RUNS = Path(__file__).parents[1] / "fixtures" / "runs"


class Log:
    """Appends events as the watcher does, at any time."""

    def __init__(self, folder: Path, at: float | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "events.jsonl"
        self.at = time.time() if at is None else at

    def write(self, event: str, **values: Any) -> None:  # noqa: ANN401  whatever JSON holds
        """One event, half a second after the one before."""
        self.at += 0.5
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, "time": self.at, **values}) + "\n")

    def start(self, step: int = 0, max_steps: int = 100, **settings: object) -> None:
        """A run begins, or is taken up again."""
        self.write("start", step=step, max_steps=max_steps, settings=settings)

    def loss(self, step: int, loss: float) -> None:
        """A logged loss."""
        self.write("log", step=step, values={"loss": loss, "step_seconds": 0.4})

    def find(self, step: int, code: str, message: str, severity: str = "warning") -> None:
        """The watcher finds something."""
        finding = {"message": message, "code": code, "name": code, "severity": severity}
        self.write("finding_opened", step=step, code=code, finding=finding)


class Page:
    """What a browser does with the stream, in few lines: the copy that a test compares."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.columns: dict[str, dict[str, list[Any]]] = {}
        self.findings: dict[int, dict[str, Any]] = {}
        self.happened: list[dict[str, Any]] = []
        self.settings: dict[str, str] = {}
        self.state: dict[str, Any] = {}
        self.messages = 0

    def take(self, delta: dict[str, Any]) -> None:
        """One message."""
        self.messages += 1
        if delta["reset"]:
            self.columns, self.findings, self.happened, self.settings = {}, {}, [], {}
        self.id = delta["id"]
        self.state = delta["state"]
        for name, sent in delta.get("columns", {}).items():
            held = self.columns.setdefault(name, {})
            for part in ("s", "v", "lo", "hi"):
                if part in sent:
                    held[part] = [*held.get(part, [])[: sent["from"]], *sent[part]]
        self.findings |= {finding["id"]: finding for finding in delta.get("findings", [])}
        self.happened = delta.get("happened", self.happened)
        self.settings = dict(delta.get("settings", self.settings))

    @property
    def open(self) -> list[str]:
        """Codes of the findings that stand."""
        return [one["code"] for one in self.findings.values() if one["closed"] is None]


class Listener:
    """One open stream."""

    def __init__(self, port: int, page: Page, headers: dict[str, str] | None = None) -> None:
        self.page = page
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._connection.request("GET", "/events", headers=headers or {})
        self.answer = self._connection.getresponse()

    def next(self) -> Page:
        """Take the next message."""
        told = None
        while True:
            line = self.answer.readline()
            assert line, "the stream ended"
            if line.startswith(b"id: "):
                told = line[4:].strip().decode()
            elif line.startswith(b"data: "):
                self.page.take(json.loads(line[6:]))
                assert told == self.page.id
                return self.page

    def until(self, condition: Any) -> Page:  # noqa: ANN401  a predicate
        """Take messages until the page is as wanted."""
        while not condition(self.next()):
            pass
        return self.page

    def close(self) -> None:
        """Leave, as a browser does whose tab is closed."""
        self.answer.close()
        self._connection.close()


def follow(path: Path, name: str | None = None) -> Follower:
    """A follower of what lies at a path."""
    run = LiveRun(path.name, str(path))
    return Follower(Reader(path, name, run, Settings()), run)


@contextlib.contextmanager
def served(
    path: Path, *, access: Access | None = None, port: int = 0
) -> Iterator[tuple[int, Follower]]:
    """A real server over a path, in a thread of its own: its port and its follower."""
    listening = bind("127.0.0.1", port)
    follower = follow(path)
    config = uvicorn.Config(
        make_app(follower, access or Access()),
        log_config=None,
        http="h11",
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=2,
    )
    server = Server(config, follower)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1], follower
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
    assert not thread.is_alive()
