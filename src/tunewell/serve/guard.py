"""Who may ask, and how: the host, the token, the method, and what every answer carries."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
TOKEN = "token"  # noqa: S105  the name of the parameter

HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what is bound to a host."""
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """256 random bits, for an address."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may see the page.

    Args:
        host: the name or address that the server is bound to.
        token: what a browser has to know; None where only this machine can ask.
        cookie: the name under which a browser keeps it. Cookies are shared by all ports of a host.
    """

    host: str = "127.0.0.1"
    token: str | None = None
    cookie: str = "tunewell"
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        names = set(LOOPBACK)
        if not is_loopback(self.host):
            names |= {self.host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
        object.__setattr__(self, "names", frozenset(names))

    def knows(self, host: str) -> bool:
        """Whether a Host header names this server and not a name that leads here by deceit.

        A page of another site can have its own name lead to 127.0.0.1 (DNS rebinding); what its
        script then asks for still carries that name. The port is not looked at: a tunnel has its
        own.
        """
        name = _name(host)
        if name in self.names:
            return True
        if is_loopback(self.host):
            return is_loopback(name)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True  # an address cannot be made to lead elsewhere

    def admits(self, offered: Iterable[str]) -> bool:
        """Whether one of these is the token; each is compared in the same time."""
        if self.token is None:
            return True
        token = self.token.encode()
        same = [hmac.compare_digest(token, one.encode()) for one in offered]
        return any(same)


class Guard:
    """Stands before the application."""

    def __init__(self, app: ASGIApp, access: Access, policy: str) -> None:
        self._app = app
        self._access = access
        self._headers = HEADERS | {"content-security-policy": policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and put the headers on the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer: ASGIApp = self._refusal(scope) or self._app
        token = self._access.token
        given = token is not None and self._access.admits(_in_address(scope))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if given and message["status"] == 200:  # noqa: PLR2004  OK
                    headers["set-cookie"] = (
                        f"{self._access.cookie}={token}; Path=/; HttpOnly; SameSite=Strict"
                    )
            await send(message)

        await answer(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._access.knows(hosts[0]):
            return PlainTextResponse(
                "This server does not go by that name. Open it by its address.\n", 421
            )
        if scope["method"] != "GET":
            return PlainTextResponse("Only GET is answered here.\n", 405, {"allow": "GET"})
        navigates = headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") == "cross-site" and not navigates:
            return PlainTextResponse("Another site's page may not ask for this.\n", 403)
        if not self._access.admits([*_in_address(scope), *_in_cookies(headers, self._access)]):
            return PlainTextResponse(
                "This page needs the token: open the whole address that tunewell serve printed.\n",
                403,
            )
        return None


def _in_address(scope: Scope) -> list[str]:
    query = scope["query_string"].decode("latin-1")
    try:
        return parse_qs(query, max_num_fields=8).get(TOKEN, [])[:1]
    except ValueError:
        return []


def _in_cookies(headers: Headers, access: Access) -> list[str]:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return []
    return [cookies[access.cookie].value] if access.cookie in cookies else []


def _name(host: str) -> str:
    """The name in a Host header: without the port, and an IPv6 address without brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")
