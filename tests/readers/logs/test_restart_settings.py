"""What the two parts of a resumed run said of their settings."""

import json
from pathlib import Path

from tunewell.readers.logs.run_folder import read_events


def test_both_parts_settings_are_kept(tmp_path: Path) -> None:
    """The earlier ones as well as the later ones."""
    events = [
        {"event": "start", "time": 1.0, "step": 0, "settings": {"learning_rate": 5e-4}},
        {"event": "log", "time": 2.0, "step": 10, "values": {"loss": 1.0}},
        {"event": "start", "time": 3.0, "step": 10, "settings": {"learning_rate": 5e-5}},
        {"event": "log", "time": 4.0, "step": 20, "values": {"loss": 0.9}},
    ]
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    (restart,) = read_events(path)[0].restarts
    assert restart.previous == {"learning_rate": 5e-4}
    assert restart.settings == {"learning_rate": 5e-5}
