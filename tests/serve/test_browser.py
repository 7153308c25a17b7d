"""The page in a real browser: it grows with the log, and nothing in it is loud, wide or hostile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serve.browser import CHROMIUM, Browser, browsing
from tests.serve.conftest import RUNS, Log, served

from tunewell.serve.guard import Access

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests here."""
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def text(browser: Browser, selector: str) -> str:
    """What an element says."""
    return str(browser.value(f"document.querySelector({selector!r}).textContent"))


def test_grows_with_the_log(browser: Browser, tmp_path: Path) -> None:
    """No reload: points, a finding, an intervention, a restart, the end."""
    folder = tmp_path / "run"
    with served(folder) as (port, _):
        browser.console.clear()
        browser.size(1400, 900)
        browser.open(f"http://127.0.0.1:{port}/")
        assert text(browser, "#phase") == "Waiting"
        log = Log(folder)
        log.start(learning_rate=0.001)
        for step in range(1, 6):
            log.loss(step * 4, 1 / step)
        browser.wait("document.querySelector('#phase').textContent === 'Running'")
        browser.wait("document.querySelector('.now').textContent.startsWith('step20')")
        named = browser.value("document.querySelector('#drawn canvas').getAttribute('aria-label')")
        assert "training" in named
        healthy = "'Nothing has been found wrong so far.'"
        browser.wait(f"document.querySelector('#verdict').textContent === {healthy}")
        log.find(20, "FIT001", "training loss is flat", "error")
        browser.wait("document.querySelectorAll('#open > details').length === 1")
        assert text(browser, "#verdict") == "Training loss is flat"
        assert "found at step 20" in text(browser, "#open")
        assert "When it is wrong" in text(browser, "#open .explanation")
        log.write("intervention", step=24, kind="skip", text="The step was skipped.")
        browser.wait("document.querySelector('#happened').textContent.includes('was skipped')")
        log.write("finding_closed", step=30, code="FIT001")
        browser.wait("document.querySelectorAll('#gone > details').length === 1")
        assert text(browser, "#open") == ""
        log.write("end", step=100, reason="finished", kept_step=100)
        browser.wait("document.querySelector('#phase').textContent === 'Finished'")
        assert browser.console == []


def test_comes_back_when_the_server_does(browser: Browser, tmp_path: Path) -> None:
    """The page says that it has lost the server; nothing on it is lost."""
    log = Log(tmp_path)
    log.start()
    log.loss(1, 1.0)
    with served(tmp_path) as (port, _):
        browser.open(f"http://127.0.0.1:{port}/")
        browser.wait("document.querySelector('#phase').textContent === 'Running'")
    browser.wait("document.querySelector('#word').textContent.includes('lost')")
    assert browser.value("document.querySelectorAll('#drawn canvas').length") > 0
    log.loss(2, 0.5)
    with served(tmp_path, port=port):
        browser.wait("!document.querySelector('#word').textContent.includes('lost')")
        browser.wait("document.querySelector('.now').textContent.startsWith('step2')")


def test_the_token_leaves_the_address_and_the_stream_works(
    browser: Browser, tmp_path: Path
) -> None:
    log = Log(tmp_path)
    log.start()
    with served(tmp_path, access=Access(token="s3cret", cookie="tunewell-test")) as (port, _):
        browser.open(f"http://127.0.0.1:{port}/?token=s3cret")
        assert browser.value("location.href") == f"http://127.0.0.1:{port}/"
        assert browser.value("document.cookie") == ""
        log.loss(7, 1.0)
        browser.wait("document.querySelector('.now').textContent.includes('7')")


@pytest.mark.parametrize(
    "path",
    sorted([*RUNS.glob("faulty/*/events.jsonl"), *RUNS.glob("longer/*/events.jsonl")])[::4],
    ids=lambda path: path.parent.name,
)
def test_every_width_and_theme(browser: Browser, path: Path) -> None:
    """No console message and no sideways scrolling, with all that can be unfolded unfolded."""
    with served(path) as (port, _):
        for width, theme in ((400, "dark"), (800, "light"), (1400, "dark")):
            browser.console.clear()
            features = [{"name": "prefers-color-scheme", "value": theme}]
            browser.call("Emulation.setEmulatedMedia", features=features)
            browser.size(width, 900)
            browser.open(f"http://127.0.0.1:{port}/")
            browser.wait(
                "document.querySelector('#none').textContent !== 'The checks are looking.'"
            )
            browser.value("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
            browser.value("new Promise((done) => setTimeout(done, 100))")
            assert browser.value("document.documentElement.scrollWidth") <= width
            assert browser.console == []


def test_the_keyboard_moves_along_the_steps(browser: Browser) -> None:
    with served(RUNS / "faulty" / "banking-overfitted") as (port, _):
        browser.size(1400, 900)
        browser.open(f"http://127.0.0.1:{port}/")
        browser.value("document.querySelector('#drawn canvas').focus()")
        for key in ("Home", "ArrowRight"):
            browser.call("Input.dispatchKeyEvent", type="keyDown", key=key)
        browser.wait("document.querySelector('#spoken').textContent.includes('at step')")
        browser.wait("document.querySelector('#drawn figcaption').textContent.includes('step 3')")
        browser.call("Input.dispatchKeyEvent", type="keyDown", key="Escape")
        browser.wait("!document.querySelector('#drawn figcaption').textContent.includes('step')")


def test_everything_can_be_named(browser: Browser) -> None:
    """Every control and chart has a name for those who cannot see it, in the browser's own tree."""
    with served(RUNS / "faulty" / "banking-overfitted") as (port, _):
        browser.open(f"http://127.0.0.1:{port}/")
        nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    kinds = {"button", "slider", "image", "img", "link", "progressbar", "heading"}
    unnamed = [
        node
        for node in nodes
        if not node["ignored"]
        and node["role"]["value"] in kinds
        and not node.get("name", {}).get("value", "").strip()
    ]
    assert unnamed == []
    assert sum(node["role"]["value"] in {"image", "img"} for node in nodes) > 4


def test_a_hostile_log_does_nothing(browser: Browser, tmp_path: Path) -> None:
    """Markup in every text of the log stays text, in the page and in what it is told later."""
    hostile = (
        "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    )
    log = Log(tmp_path)
    log.write("start", step=0, settings={hostile: hostile})
    log.write("log", step=1, values={hostile: 1.0, "loss": 1.0, f"update_ratio/{hostile}": 0.1})
    with served(tmp_path) as (port, _):
        browser.open(f"http://127.0.0.1:{port}/")
        browser.console.clear()
        log.find(2, "FIT001", hostile, "error")
        log.write("intervention", step=2, kind=hostile, text=hostile)
        browser.wait("document.querySelectorAll('#happened li').length === 1")
        browser.wait("document.querySelectorAll('#open > details').length === 1")
        assert "onerror" in text(browser, "#open")
        assert browser.value("document.querySelectorAll('main img, main script').length") == 0
        assert "owned" not in str(browser.value("document.title"))
        assert browser.console == []


def test_a_long_run_is_drawn_with_its_spike(browser: Browser, tmp_path: Path) -> None:
    """30,000 steps: few bytes, and the highest value of one step is named on the curve."""
    log = Log(tmp_path)
    log.start(max_steps=30_000)
    for first in range(1, 30_000, 500):
        steps = list(range(first, first + 500))
        losses = [1.0 + (step % 7) / 10 + 40.0 * (step == 12_345) for step in steps]
        log.write("steps", step=steps, step_loss=losses)
    with served(tmp_path) as (port, _):
        browser.open(f"http://127.0.0.1:{port}/")
        assert browser.value("document.querySelector('#snapshot').textContent.length") < 60_000
        sent = "JSON.parse(document.querySelector('#snapshot').textContent).columns.step_loss"
        assert browser.value(f"Math.max(...{sent}.hi)") == 41 + (12_345 % 7) / 10
