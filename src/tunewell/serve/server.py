"""Bind, say where, serve until Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from types import FrameType

import uvicorn

from tunewell.core.errors import InputError, SettingsError
from tunewell.serve.app import make_app
from tunewell.serve.follow import Follower
from tunewell.serve.guard import TOKEN, Access, is_loopback, new_token

CLOSING_SECONDS = 2


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        SettingsError: if the host cannot be bound or the port is taken, with what to do.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        message = f"--host {host}: no address of this machine ({error.strerror})"
        raise SettingsError(message) from None
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} of {host} is taken; --port 0 takes a free one"
        else:
            message = f"--host {host} --port {port}: cannot be bound: {error.strerror}"
        raise SettingsError(message) from None
    return listening


class Server(uvicorn.Server):
    """Ends the streams when it is told to stop: an open page would hold it up for ever."""

    def __init__(self, config: uvicorn.Config, follower: Follower) -> None:
        super().__init__(config)
        self._follower = follower

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called by the signal."""
        super().handle_exit(sig, frame)
        self._follower.closing = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wake every stream, so that it sees the end."""
        self._follower.close()
        await super().shutdown(sockets)


def serve(
    follower: Follower,
    *,
    host: str = "127.0.0.1",
    port: int = 8090,
    ask_token: bool = False,
    open_browser: bool = True,
    say: Callable[[str], None],
) -> None:
    """Show a run until Ctrl-C.

    Bound wider than this machine, or where `ask_token` says so, a browser has to know a random
    token, which is part of the address that is said.

    Raises:
        SettingsError: if the address cannot be bound.
        InputError: if the server ends for another reason than being told to.
    """
    listening = bind(host, port)
    port = listening.getsockname()[1]
    token = new_token() if ask_token or not is_loopback(host) else None
    access = Access(host=host, token=token, cookie=f"tunewell-{port}")
    address = f"http://{_shown(host)}:{port}/" + (f"?{TOKEN}={token}" if token else "")
    config = uvicorn.Config(
        make_app(follower, access),
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http="h11",
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )
    server = Server(config, follower)
    say(f"{follower.run.name} at {address} (Ctrl-C ends it)")
    if token and not is_loopback(host):
        say("whoever knows this address can see the run; it is not encrypted")
    # The token would stand in the list of processes while a browser starts.
    if open_browser and token is None and _has_screen():
        threading.Timer(0.3, webbrowser.open, (address,)).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if not server.started:
        message = f"{address}: the server could not start"
        raise InputError(message)


def _shown(host: str) -> str:
    """The host as it stands in an address that can be opened."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  it is what was asked for
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _has_screen() -> bool:
    """Whether a browser would open where the user sits, and not in a terminal far away."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    if sys.platform in {"win32", "darwin"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
