"""FIT019 trained-head-replaced, on a saved classifier."""

from pathlib import Path

import pytest
from tests.preflight import tiny

from tunewell.checks.fit.trained_head_replaced import trained_head_replaced
from tunewell.subjects.setup import NewTensor
from tunewell.testing import CheckCases, run_check
from tunewell.train.quiet import quiet

NEW = (NewTensor("classifier.weight", trained=True),)


@pytest.mark.reproduces("C03")
@pytest.mark.parametrize(("labels", "found"), [(5, 1), (3, 0)])
def test_a_head_of_another_size(labels: int, found: int, tmp_path: Path) -> None:
    from transformers import BertForSequenceClassification

    with quiet(1):
        tiny.encoder(num_labels=3).save_pretrained(tmp_path / "model")
        model = BertForSequenceClassification.from_pretrained(
            tmp_path / "model", num_labels=labels, ignore_mismatched_sizes=True
        )
    setup = tiny.looked(tiny.classifier(tmp_path / "out", model=model))
    assert len(run_check(trained_head_replaced, (setup,)).findings) == found


def test_a_base_model_has_no_head_to_lose(tmp_path: Path) -> None:
    from transformers import BertForSequenceClassification

    with quiet(1):
        tiny.encoder().bert.save_pretrained(tmp_path / "model")
        model = BertForSequenceClassification.from_pretrained(tmp_path / "model", num_labels=3)
    setup = tiny.looked(tiny.classifier(tmp_path / "out", model=model))
    assert not run_check(trained_head_replaced, (setup,)).findings


class TestTrainedHeadReplaced(CheckCases):
    """Setups written down."""

    check = trained_head_replaced
    faulty = {"three classes": (tiny.setup(new_tensors=NEW, saved_head=3, labels=5),)}
    nearly = {"a score": (tiny.setup(new_tensors=NEW, saved_head=1, labels=5),)}
    clean = {"a base model": (tiny.setup(new_tensors=NEW, labels=5),)}
