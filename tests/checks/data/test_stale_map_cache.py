"""DAT081 stale-map-cache."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.checks.data.scripts import script

from tunewell.checks.data.stale_map_cache import stale_map_cache
from tunewell.core.finding import Severity
from tunewell.readers.script import read_script
from tunewell.testing import CheckCases, run_check

LOAD = "from datasets import load_dataset\nfrom prepare import clean\ndata = load_dataset('json')\n"


class TestStaleMapCache(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = stale_map_cache
    faulty = {
        "edited since": (script(LOAD + "data = data.map(clean)", edited=True),),
        "not edited yet": (script(LOAD + "data['train'].map(function=clean, batched=True)"),),
        "a function of the module": (
            script("import datasets\nimport prepare\nd.map(prepare.clean, batched=True)"),
        ),
    }
    nearly = {
        "cache switched off": (script(LOAD + "data.map(clean, load_from_cache_file=False)"),),
        "own fingerprint": (script(LOAD + "data.map(clean, new_fingerprint='v2')"),),
        "the script's own function": (script(LOAD + "def f(x):\n    return x\ndata.map(f)"),),
        "a map of something else": (script("from prepare import clean\npool.map(clean, rows)"),),
    }
    clean = {"nothing is mapped": (script(LOAD),)}


def test_severity_follows_the_dates() -> None:
    text = LOAD + "data.map(clean)"
    for edited, severity in ((True, Severity.WARNING), (False, Severity.INFO)):
        (found,) = run_check(stale_map_cache, (script(text, edited=edited),)).findings
        assert found.severity is severity


@pytest.mark.slow
def test_datasets_really_gives_the_old_value(tmp_path: Path) -> None:
    """The fault itself, with the real library; when this fails the check can go."""
    module, main = tmp_path / "prepare.py", tmp_path / "train.py"
    main.write_text(
        "from datasets import Dataset, load_from_disk\nfrom pathlib import Path\n"
        "from prepare import clean\n"
        "if not Path('saved').exists():\n    Dataset.from_dict({'x': [1]}).save_to_disk('saved')\n"
        "print(load_from_disk('saved').map(clean)['x'][0])\n"
    )
    said: list[str] = []
    for value in (10, 20):
        module.write_text(f"def clean(row):\n    return {{'x': {value}}}\n")
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(main)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")},
        )
        said.append(done.stdout.splitlines()[-1])
    assert said == ["10", "10"]
    (found,) = run_check(stale_map_cache, (read_script(main),)).findings
    assert found.severity is Severity.WARNING
