"""The same document from both engines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).parent / "tunewell")


@pytest.mark.slow
def test_both_engines_give_the_same_document(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    rows = [
        {
            "instruction": f"Describe thing number {n} in a few words",
            "input": "Noinput" if n % 50 == 0 else "",
            "output": "" if n == 7 else f"Thing {n} weighs {n * 3} grams and was made in {n % 90}.",
        }
        for n in range(1500)
    ]
    rows[5]["output"] = "write to anna.meier@firma-meier.de or see https://firma-meier.de"
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    documents = []
    for engine in ("native", "ray"):
        done = subprocess.run(
            [COMMAND, "check", str(path), "--engine", engine, "--output-format", "json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        documents.append(json.loads(done.stdout))
    assert documents[0] == documents[1]
    found = {finding["name"] for finding in documents[0]["findings"]}
    assert {"empty-text", "placeholder-text"} <= found
    assert not documents[0]["broken"]
