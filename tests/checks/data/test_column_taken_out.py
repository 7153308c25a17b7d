"""DAT112 column-taken-out."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.column_taken_out import column_taken_out
from tunewell.preflight import trial
from tunewell.testing import CheckCases, run_check


def renamed(new: str) -> list[dict[str, Thing]]:
    return [
        {(new if name == "labels" else name): value for name, value in row.items()}
        for row in tasks.classified()
    ]


def weighted(out: Path, **settings: Thing) -> Thing:
    """A loss of the user's own that weighs rows."""
    from transformers import Trainer

    class Weighted(Trainer):
        def compute_loss(
            self, model: Thing, inputs: Thing, return_outputs: bool = False, **_: Thing
        ) -> Thing:
            weight = inputs.pop("weight")
            outputs = model(**inputs)
            loss = (outputs.loss * weight).mean()
            return (loss, outputs) if return_outputs else loss

    rows = [{**row, "weight": 1.0} for row in tasks.classified()]
    return tasks.classifier(out, kind=Weighted, rows=rows, judged=rows[:8], **settings)


def own_collator(out: Path, **settings: Thing) -> Thing:
    """A collator of the user's own that makes labels of a topic."""
    import torch

    tokens = tiny.tokenizer()

    def collate(rows: list[dict[str, Thing]]) -> Thing:
        kept = [{name: row[name] for name in ("input_ids", "attention_mask")} for row in rows]
        batch = tokens.pad(kept, return_tensors="pt")
        batch["labels"] = torch.tensor([row["topic"] for row in rows])
        return batch

    rows = renamed("topic")
    return tasks.classifier(out, collator=collate, rows=rows, judged=rows[:8], **settings)


@pytest.mark.reproduces("D22", "D23")
class TestColumnTakenOut(CheckCases):
    """Columns that the real trainer takes out."""

    check = column_taken_out
    faulty = Live(
        trial.PROBE,
        another_name=lambda out: tasks.classifier(out, rows=renamed("target")),
        no_labels=lambda out: tasks.classifier(
            out, rows=[{"input_ids": row["input_ids"]} for row in tasks.classified()]
        ),
        the_loss_reads_it=weighted,
        the_collator_reads_it=own_collator,
    )
    nearly = Live(
        trial.PROBE,
        kept_for_the_loss=lambda out: weighted(out, remove_unused_columns=False),
        kept_for_the_collator=lambda out: own_collator(out, remove_unused_columns=False),
        label=lambda out: tasks.classifier(out, rows=renamed("label"), judged=renamed("label")[:8]),
        text_beside_labels=tasks.tagger,
    )
    clean = Live(trial.PROBE, labels=tasks.classifier, pairs=tasks.dpo)

    def test_the_column_is_named(self) -> None:
        """The cause is the name, not the missing loss."""
        said = run_check(column_taken_out, self.faulty["another name"]).findings[0]
        assert "'target', which looks like the labels" in said.message
        said = run_check(column_taken_out, self.faulty["the loss reads it"]).findings[0]
        assert said.message.startswith("column 'weight' is taken out before the loss sees it")
        said = run_check(column_taken_out, self.faulty["the collator reads it"]).findings[0]
        assert said.message.startswith("column 'topic' is taken out before the collator sees it")
