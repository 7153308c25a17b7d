"""The data engine: quiet, ordered, and the same on this machine and on Ray."""

import re
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewell.facts import data_engine
from tunewell.facts.scan import Screen, fitting, rows_of, screened
from tunewell.subjects.parts import Role, Texts
from tunewell.testing import rows

LISTEN = """
import sys, threading, time
calls = []
watched = ("socket.connect", "socket.getaddrinfo", "urllib.Request")
sys.addaudithook(lambda event, args: calls.append(event) if event in watched else None)
{work}
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join(3)
print(sorted(set(calls)))
"""
OURS = """
from tunewell.facts import data_engine
from tunewell.subjects.parts import Texts
print(data_engine.found(Texts.of(["see www.x.org", "no"] * 2000), "www").sum())
"""
PLAIN = "import daft"


def listen(work: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LISTEN.format(work=work)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": ""},
    )
    return done.stdout.splitlines()[-1]


def test_the_engine_sends_nothing() -> None:
    assert listen(OURS) == "[]"


def test_the_engine_would_send_if_it_were_not_told_otherwise() -> None:
    # The control: without it the test above could pass because the hook hears nothing.
    assert listen(PLAIN) != "[]"


WORDS = st.lists(st.text(max_size=30), max_size=40)


@settings(max_examples=25, deadline=None)
@given(WORDS)
def test_found_agrees_with_python(texts: list[str]) -> None:
    column = Texts.of(texts)
    pattern = r"[0-9a-c]{2}|[xX]| $"
    expected = [at for at, text in enumerate(column) if re.search(pattern, text)]
    assert data_engine.found(column, pattern).tolist() == expected


def test_order_is_kept_over_many_batches() -> None:
    texts = [f"row {n} {'hit' if n % 997 == 0 else ''}" for n in range(300_000)]
    assert data_engine.found(Texts.of(texts), "hit").tolist() == list(range(0, 300_000, 997))


def test_a_second_engine_in_one_process_is_refused() -> None:
    data_engine.daft()
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    with pytest.raises(RuntimeError, match="in use"):
        data_engine.use(data_engine.Engine.RAY)


def test_screen_looks_at_roles_and_confirms() -> None:
    data = rows(
        [
            {"instruction": "see www.a.org", "input": "", "output": "ok www.b.org"},
            {"instruction": "do", "input": "www.c.org", "output": "www.d.org no"},
        ]
    ).train
    both = fitting(data, Screen("www"))
    assert rows_of(data, both).tolist() == [0, 1]
    answers = Screen("www", roles=frozenset({Role.ANSWER}))
    assert len(fitting(data, answers)) == 2
    sure = Screen("www", confirm=lambda text: text.startswith("www"))
    assert rows_of(data, fitting(data, sure)).tolist() == [1]
    assert np.array_equal(screened(data, "www"), both)


@pytest.mark.slow
def test_ray_finds_what_this_machine_finds() -> None:
    pytest.importorskip("ray")
    code = """
import sys
from tunewell.facts import data_engine
from tunewell.subjects.parts import Texts
data_engine.use(data_engine.Engine(sys.argv[1]))
texts = Texts.of([f"row {n} {'hit' if n % 97 == 0 else ''}" for n in range(50_000)])
print(data_engine.found(texts, "hit").tolist())
"""
    told = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, name],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]
        for name in ("native", "ray")
    ]
    assert told[0] == told[1]
    assert told[0].startswith("[0, 97, 194")
