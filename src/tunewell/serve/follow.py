"""Read while somebody looks, and tell every page what it lacks."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

from tunewell.serve.live_run import LiveRun
from tunewell.serve.sources import Reader

HEARTBEAT = 15.0
"""Seconds after which a silent stream sends a comment, so that a page that is gone is noticed."""

RETRY = 1_000
"""Milliseconds after which a browser connects again."""


class Follower:
    """One run, any number of pages.

    A page is sent what it lacks, made when it is ready to take it: a slow one gets fewer and larger
    pieces and holds nothing up. While no page is open nothing is read at all.
    """

    def __init__(self, reader: Reader, run: LiveRun) -> None:
        self.run = run
        self.closing = False
        self.pages = 0
        self._reader = reader
        self._reading = threading.Lock()
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()

    def read(self) -> None:
        """Take what is new in the log, and examine it where that is due."""
        with self._reading:
            self._reader.poll()

    async def keep_reading(self) -> None:
        """Read as long as the server runs, while somebody looks."""
        announced = self.run.told
        while not self.closing:
            if not self.pages:
                self._wanted.clear()
                await self._wanted.wait()
                continue
            await asyncio.to_thread(self.read)
            if self.run.told != announced:  # also what was read for a page that was just opened
                announced = self.run.told
                self._wake()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), self._reader.interval)
            self._wanted.clear()

    def close(self) -> None:
        """End every stream."""
        self.closing = True
        self._wanted.set()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _glance(self) -> None:
        """Take what is new, if nobody is doing so; no page waits for an examination."""
        if self._reading.acquire(blocking=False):
            try:
                self._reader.poll(examine=False)
            finally:
                self._reading.release()

    async def snapshot(self) -> bytes:
        """Everything as it is now, as JSON."""
        await asyncio.to_thread(self._glance)
        return (await asyncio.to_thread(self.run.encoded, None))[1]

    async def stream(
        self, told: str | None, left: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        """Server-sent events that bring a page from what it was `told` to what is, for ever.

        `left` says whether the browser has gone: not every server ends the stream of its own.
        """
        self.pages += 1
        self._wanted.set()
        try:
            yield f"retry: {RETRY}\n\n".encode()
            while not self.closing and not await left():
                changed = self._changed
                if told != self.run.told:
                    now, data = await asyncio.to_thread(self.run.encoded, told)
                    yield b"id: " + now.encode() + b"\ndata: " + data + b"\n\n"
                    told = now
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT)
                except TimeoutError:
                    yield b": nothing new\n\n"
        finally:
            self.pages -= 1
