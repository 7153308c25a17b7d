"""The application: one page, one stream, nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tunewell.report import live_page
from tunewell.serve.follow import Follower
from tunewell.serve.guard import Access, Guard

MOST_PAGES = 32
"""Streams open at once. A browser opens one for each page."""

TOLD = re.compile(r"[0-9a-f]{12}-[0-9]{1,12}")


def make_app(follower: Follower, access: Access) -> Starlette:
    """The application that shows one run.

    `GET /` is the page with everything known so far in it; `GET /events` the server-sent events
    that follow, from what the header Last-Event-ID or, the first time, `after` in the address says
    was told. Nothing in a request names a file.
    """

    async def page(_: Request) -> Response:
        return HTMLResponse(live_page.render(await follower.snapshot()))

    async def events(request: Request) -> Response:
        if follower.pages >= MOST_PAGES:
            return PlainTextResponse("Too many pages are open.\n", 503, {"retry-after": "10"})
        said = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        told = said if TOLD.fullmatch(said) else None
        return StreamingResponse(
            follower.stream(told, request.is_disconnected),
            media_type="text/event-stream",
            headers={"x-accel-buffering": "no"},
        )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        reading = asyncio.create_task(follower.keep_reading())
        yield
        follower.close()
        await reading

    app = Starlette(
        routes=[Route("/", page, methods=["GET"]), Route("/events", events, methods=["GET"])],
        middleware=[
            Middleware(Guard, access=access, policy=live_page.policy()),
            Middleware(GZipMiddleware, minimum_size=4_096, compresslevel=5),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a redirect would repeat what the request says
    return app
