"""DAT089 end-not-in-generation."""

from tests.preflight import live, tiny

from tunewell.checks.data.end_not_in_generation import end_not_in_generation
from tunewell.testing import CheckCases


class TestEndNotInGeneration(CheckCases):
    """A template that ends turns with <|im_end|> (4), and models that stop at </s> (1) or at it."""

    check = end_not_in_generation
    faulty = live.Cases(
        stops_at_the_end_of_text_alone=lambda: live.batch(
            tiny.sft(live.OUT, model=tiny.causal(ends=[1]))
        ),
        every_turn_trained=lambda: live.batch(
            tiny.sft(live.OUT, model=tiny.causal(ends=[1]), assistant_only_loss=False)
        ),
    )
    nearly = live.Cases(
        told_to_TRL=lambda: live.batch(
            tiny.sft(live.OUT, model=tiny.causal(ends=[1]), eos_token="<|im_end|>")
        ),
        texts_end_with_the_end_of_text=lambda: live.batch(
            tiny.sft(
                live.OUT,
                model=tiny.causal(ends=[]),
                rows=[{"text": text} for text in tiny.sentences(20)],
                assistant_only_loss=False,
            )
        ),
    )
    clean = live.Cases(stops_at_both=lambda: live.batch(tiny.sft(live.OUT)))
