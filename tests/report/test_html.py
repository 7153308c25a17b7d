"""The page: what it holds, that nothing in the data acts, and how a browser takes it."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from tests.report.samples import (
    HOSTILE,
    SAMPLES,
    check_document,
    curves,
    diagnose_document,
    healthy_document,
    hostile_document,
    matrix,
    tune_document,
)

from tunewell.core.document import Document, Section
from tunewell.core.finding import Chart
from tunewell.report import charts, numbers, svg
from tunewell.report.html import render

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def embedded(page: str) -> Document:
    """The document inside a page."""
    match = re.search(r'id="document" data-encoding="(\w+)">(.*?)</script>', page, re.DOTALL)
    assert match
    data = match[2].encode()
    return Document.from_json(
        gzip.decompress(base64.b64decode(data)) if match[1] == "gzip" else data
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_page_holds_its_whole_document(name: str) -> None:
    """What is copied from the page is what the command found."""
    document = SAMPLES[name]()
    assert json.loads(embedded(render(document)).to_json()) == json.loads(document.to_json())


def test_large_document_is_embedded_compressed() -> None:
    """A run of 20,000 steps makes a page that can still be sent by mail."""
    section = Section(id="curves", title="Learning curves", evidence=curves(20_000))
    document = msgspec.structs.replace(tune_document(), sections=(section,))
    page = render(document)
    assert embedded(page).sections == document.sections
    assert len(page) < 700_000


@pytest.mark.parametrize("name", ["check", "healthy", "tune", "diagnose"])
def test_page_is_small(name: str) -> None:
    """A usual page is under 300 KB."""
    assert len(render(SAMPLES[name]()).encode()) < 300_000


def test_same_document_same_page() -> None:
    """Byte for byte, also the compressed part."""
    assert render(tune_document()) == render(tune_document())


def test_nothing_in_the_data_becomes_markup() -> None:
    """Scripts, elements and control characters of the data arrive as text."""
    page = render(hostile_document())
    assert page.count("<script") == 2
    assert not set(page) & set("\x00\x1b\x07\u202e\u2028")
    assert "javascript:" not in page[: page.index('<script type="application/json"')]
    assert embedded(page).verdict == HOSTILE


@pytest.mark.parametrize("name", SAMPLES)
def test_page_cannot_reach_out(name: str) -> None:
    """No address to load from, no inline handler or style, and a policy that allows neither."""
    page = render(SAMPLES[name]())
    outside_data = page[: page.index('<script type="application/json"')]
    assert not re.search(r"""\b(?:src|href|action|xlink:href)\s*=\s*["']?+(?!#)""", outside_data)
    assert not re.search(r"<[^>]*\s(?:on\w+|style)\s*=", outside_data)
    assert "default-src &#39;none&#39;" in page
    assert "unsafe-inline" not in page


def test_structure_of_a_tuned_page() -> None:
    """Everything the design asks for has its place, in order."""
    page = render(tune_document())
    ids = re.findall(r'<(?:h2|details)[^>]*\sid="([^"]+)"', page)
    assert ids == [
        "before-after", "proofs", "curves", "findings", "DAT004", "HYP001", "FIT005", "DAT011",
        "section-1", "not-run", "passed", "examined", "facts",
    ]  # fmt: skip
    assert page.count("<details") - page.count("<details open") >= 6
    assert re.search(r'<details class="finding error" id="DAT004" open>', page)
    assert '<details class="finding error" id="HYP001">' in page
    links = set(re.findall(r'href="#([^"]+)"', page)) - {"main"}
    assert links <= set(re.findall(r'id="([^"]+)"', page))


def test_findings_are_marked_on_their_curves() -> None:
    """The code of a finding about steps stands in the picture of its metric, and only there."""
    page = render(diagnose_document())
    figures = dict(re.findall(r"<figcaption>(\w+)</figcaption>\s*(<svg.*?</svg>)", page, re.DOTALL))
    assert "FIT005" in figures["loss"]
    assert "FIT005" not in figures["eval_loss"]
    assert "lowest" in figures["eval_loss"]


def test_healthy_page_says_so() -> None:
    """The verdict leads and no finding is drawn."""
    page = render(healthy_document())
    assert "<h1>Nothing wrong was found by 7 checks.</h1>" in page
    assert 'class="finding' not in page


def test_two_findings_of_one_check_have_two_anchors() -> None:
    """An anchor names one finding."""
    document = check_document()
    doubled = msgspec.structs.replace(document, findings=document.findings[:1] * 2)
    assert re.findall(r'class="finding error" id="([^"]+)"', render(doubled)) == [
        "DAT004", "DAT004-2",
    ]  # fmt: skip


def test_page_without_the_drawing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables and sentences are there; only the pictures are not."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    page = render(tune_document())
    assert "41.2 %" in page
    assert '<td class="number">1,200</td>' in page
    assert '<path d="M' in page.split("</style>")[1]  # the icons
    assert 'aria-label="loss by step"' not in page


# -- charts ------------------------------------------------------------------------------------


def test_envelope_keeps_spikes_and_gaps() -> None:
    """Of 100,000 points 600 are drawn: the lowest, the highest and the lost ones among them."""
    values: list[float | None] = [1.0 + (i % 7) / 100 for i in range(100_000)]
    values[33_333], values[70_001], values[50_000] = 99.0, -5.0, None
    kept = numbers.envelope(range(100_000), values)
    assert len(kept) <= numbers.POINTS_DRAWN
    assert {(33_333, 99.0), (70_001, -5.0), (50_000, None)} <= set(kept)
    assert kept == sorted(kept, key=lambda point: point[0])


def test_large_matrix_is_cut_to_the_most_confused() -> None:
    """77 classes are cut to what a phone shows, with the worst pair among them."""
    part = numbers.most_confused(matrix(77))
    assert len(part.labels) <= numbers.CLASSES_DRAWN
    true, predicted, count, _ = numbers.confusions(matrix(77))[0]
    assert part.counts[part.labels.index(true)][part.labels.index(predicted)] == count


@pytest.mark.parametrize(
    "data", [{"url": "http://127.0.0.1:9/x.json"}, {"url": "file:///etc/passwd"}]
)
def test_chart_fetches_nothing(data: dict[str, str]) -> None:
    """A chart brings its data with it or is not drawn."""
    spec = {"mark": "bar", "data": data, "encoding": {"x": {"field": "a"}}}
    assert svg.draw(spec, label="x") is None
    document = Document(
        command="check", verdict="v", tunewell="0",
        sections=(Section(id="s", title="t", evidence=(Chart(name="c", spec=spec),)),),
    )  # fmt: skip
    assert "could not be drawn" in render(document)


def test_chart_colours_follow_the_page() -> None:
    """Every colour is a variable of the page, so that dark mode holds for pictures too."""
    for series in curves():
        drawn = svg.draw(charts.curve(series), label="x")
        assert drawn is not None
        colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn))
        assert colours <= {"none", "transparent"} | {c for c in colours if c.startswith("var(--")}


# -- in a browser ------------------------------------------------------------------------------

PROBE = """<!doctype html><meta charset="utf-8"><style>iframe{width:400px;height:900px}</style>
<iframe id="page" src="page.html"></iframe><pre id="result"></pre><script>
document.getElementById("page").addEventListener("load", (event) => {
  const inner = event.target.contentDocument.documentElement;
  for (const fold of event.target.contentDocument.querySelectorAll("details")) fold.open = true;
  document.getElementById("result").textContent =
    `scroll ${inner.scrollWidth} of ${inner.clientWidth}`;
});</script>"""


def browse(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Load a page in headless Chromium and print its elements."""
    assert CHROMIUM is not None
    return subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--enable-logging=stderr", "--allow-file-access-from-files",
            f"--user-data-dir={page.parent / 'profile'}", "--virtual-time-budget=3000",
            *options, page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("name", SAMPLES)
def test_page_in_a_browser(name: str, tmp_path: Path) -> None:
    """No console message, script ran, no sideways scrolling at 400 pixels with all folds open."""
    (tmp_path / "page.html").write_text(render(SAMPLES[name]()), encoding="utf-8")
    loaded = browse(tmp_path / "page.html", "--dump-dom")
    assert ":CONSOLE" not in loaded.stderr, loaded.stderr
    assert "Theme: auto" in loaded.stdout
    (tmp_path / "probe.html").write_text(PROBE, encoding="utf-8")
    probed = browse(tmp_path / "probe.html", "--dump-dom")
    match = re.search(r"scroll (\d+) of (\d+)", probed.stdout.partition('id="result"')[2])
    assert match, probed.stderr
    assert int(match[1]) <= int(match[2]) <= 400
