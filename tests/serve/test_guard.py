"""Who is answered, and what every answer carries."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.serve.conftest import RUNS, Log, follow

from tunewell.serve.app import make_app
from tunewell.serve.guard import Access, is_loopback

RUN = RUNS / "faulty" / "banking-overfitted"
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


def client(path: Path = RUN, access: Access | None = None, base: str = "127.0.0.1") -> TestClient:
    """Asks the application without a network."""
    return TestClient(make_app(follow(path), access or Access()), base_url=f"http://{base}")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:8090", "LOCALHOST", "[::1]:80", "127.0.0.2"]
)
def test_this_machine_is_answered(host: str) -> None:
    assert client().get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "localhost.evil.example",
     "192.168.1.5", "", "[::2]", "[", "1.2.3.4"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/events", "/none"])
def test_a_name_that_leads_here_by_deceit_is_refused(host: str, path: str) -> None:
    """DNS rebinding: the page of another site reaches the port, but not under our name."""
    answer = client().get(path, headers={"host": host})
    assert answer.status_code == 421
    assert "loss" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/events"])
def test_only_get(method: str, path: str) -> None:
    assert client().request(method, path).status_code == 405


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/events.jsonl",
     "/events/", "//etc/passwd", "/%2fetc%2fpasswd"],
)  # fmt: skip
def test_no_path_leads_to_a_file(path: str) -> None:
    assert client().get(path).status_code == 404


def test_another_site_may_link_here_but_not_listen() -> None:
    cross = {"sec-fetch-site": "cross-site"}
    assert client().get("/events", headers={**cross, "sec-fetch-mode": "cors"}).status_code == 403
    assert client().get("/", headers={**cross, "sec-fetch-mode": "no-cors"}).status_code == 403
    assert client().get("/", headers={**cross, "sec-fetch-mode": "navigate"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "headers"), [("/", {}), ("/none", {}), ("/", {"host": "evil.example"})]
)
def test_headers_of_every_answer(path: str, headers: dict[str, str]) -> None:
    answer = client().get(path, headers={**headers, "origin": "http://evil.example"})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "set-cookie" not in answer.headers


def test_the_policy_names_the_script_and_style_that_are_there() -> None:
    import base64
    import hashlib

    answer = client().get("/")
    for tag in ("script", "style"):
        inline = re.search(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        assert inline
        digest = base64.b64encode(hashlib.sha256(inline[1].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", answer.text)


def test_a_wider_bind_asks_for_the_token() -> None:
    asked = client(access=Access(host="0.0.0.0", token="t0ken-t0ken", cookie="tunewell-1"))  # noqa: S104
    for address in ("/", "/events", "/?token=", "/?token=wrong", "/?token=t0ken-t0ke", "/none"):
        refused = asked.get(address)
        assert refused.status_code == 403, address
        assert "loss" not in refused.text
        assert "set-cookie" not in refused.headers
    admitted = asked.get("/?token=t0ken-t0ken")
    assert admitted.status_code == 200
    cookie = admitted.headers["set-cookie"]
    assert cookie.startswith("tunewell-1=t0ken-t0ken;")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "t0ken" not in admitted.text
    assert asked.get("/").status_code == 200  # by the cookie
    asked.cookies.clear()
    assert asked.get("/", headers={"cookie": "tunewell-1=wrong"}).status_code == 403
    assert asked.get("/", headers={b"cookie": b"tunewell-1=t\xf6ken"}).status_code == 403
    assert asked.get("/?token=%ff%fe").status_code == 403


def test_a_wider_bind_knows_addresses_and_its_own_names() -> None:
    wide = Access(host="gpu-box.example", token="x")
    assert wide.knows("10.0.0.7:8090")
    assert wide.knows("[fd00::7]:8090")
    assert wide.knows("gpu-box.example:8090")
    assert wide.knows("localhost")
    assert not wide.knows("evil.example")


def test_what_counts_as_this_machine() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "::1", "localhost", "127.8.8.8")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.3", "example.org", "")))  # noqa: S104


def test_nothing_in_a_log_becomes_markup(tmp_path: Path) -> None:
    """Names, settings, messages and evidence of a hostile log are text, in the page and after."""
    log = Log(tmp_path)
    log.write("start", step=0, settings={HOSTILE: HOSTILE})
    log.write("log", step=1, values={HOSTILE: 1.0, "loss": 1.0})
    log.find(1, HOSTILE, HOSTILE, "error")
    log.write("intervention", step=1, kind=HOSTILE, text=HOSTILE)
    log.write("end", step=1, reason=HOSTILE)
    page = client(tmp_path).get("/").text
    assert page.count("<script") == 2
    assert "<img" not in page
    snapshot = re.search(r'id="snapshot">(.*?)</script>', page, re.DOTALL)
    assert snapshot
    finding = json.loads(snapshot[1])["findings"][0]["html"]
    assert "<script" not in finding
    assert "<img" not in finding
