"""Long runs of words that texts share."""

import random

import pytest

from tunewell.facts.leakage.runs import MOST_HOLDERS, RUN, SHORTEST, shared_runs


def words(seed: int, count: int) -> str:
    """So many words that no other seed has."""
    return " ".join(f"w{seed}x{n}" for n in range(count))


def test_a_passage_inside_another_text() -> None:
    passage = words(1, 20)
    found = shared_runs([f"one two {passage} three"], ["none", f"four {passage} five six"])
    assert found.partner.tolist() == [1]
    assert found.covered[0] == pytest.approx(20 / 23)
    assert found.pairs.tolist() == [[0, 1]]


@pytest.mark.parametrize(("count", "met"), [(RUN - 1, -1), (RUN, 0)])
def test_the_length_that_counts(count: int, met: int) -> None:
    run = words(1, count)
    found = shared_runs([f"a b {run} c d"], [f"e {run} f"])
    assert found.partner.tolist() == [met]


def test_a_short_text_is_a_run_as_a_whole_where_asked() -> None:
    text = words(1, SHORTEST)
    assert shared_runs([text], [f"so {text} ok"]).partner.tolist() == [-1]
    assert shared_runs([text], [f"so {text} ok"], shortest=SHORTEST).partner.tolist() == [0]
    shorter = words(2, SHORTEST - 1)
    assert shared_runs([shorter], [f"so {shorter} ok"], shortest=SHORTEST).partner.tolist() == [-1]


def test_the_partner_shares_most() -> None:
    text = words(1, 40)
    known = [" ".join(text.split()[:20]), " ".join(text.split()[5:38]), " ".join(text.split()[:15])]
    assert shared_runs([text], known).partner.tolist() == [1]


def test_what_many_hold_is_a_template() -> None:
    template = words(0, 15)
    known = [f"{template} {words(n, 15)}" for n in range(1, MOST_HOLDERS + 5)]
    judged = [f"{template} {words(n + 100, 15)}" for n in range(3)]
    assert shared_runs(judged, known).partner.tolist() == [-1] * 3
    assert shared_runs(judged, known[:MOST_HOLDERS]).partner.tolist() != [-1] * 3


def test_a_template_does_not_hide_a_passage() -> None:
    template = words(0, 15)
    known = [f"{template} {words(n, 15)}" for n in range(1, 30)]
    judged = [f"{template} {words(n, 15)} end" for n in range(20, 60)]
    found = shared_runs(judged, known)
    assert found.partner[:10].tolist() == list(range(19, 29))
    assert (found.partner[10:] == -1).all()
    assert found.covered[0] == pytest.approx(15 / 16)


def test_agrees_with_sets_of_runs() -> None:
    rng = random.Random(0)  # noqa: S311
    vocabulary = [f"v{n}" for n in range(3)]
    texts = [" ".join(rng.choices(vocabulary, k=rng.randint(5, 30))) for _ in range(8)]
    texts += [f"{words(n, 30)} {words(n + 1, 30)}" for n in range(4)]
    judged, known = texts[::2], texts[1::2]

    def runs(text: str) -> set[tuple[str, ...]]:
        split = text.split()
        return {tuple(split[at : at + RUN]) for at in range(len(split) - RUN + 1)}

    found = shared_runs(judged, known)
    for number, text in enumerate(judged):
        shares = [len(runs(text) & runs(other)) for other in known]
        assert (found.partner[number] >= 0) == any(shares)
        if any(shares):
            assert shares[found.partner[number]] == max(shares)


@pytest.mark.parametrize("texts", [[], [""], ["a"], ["日本語のとても長い文章です。" * 9]])
def test_next_to_nothing(texts: list[str]) -> None:
    assert not len(shared_runs(texts, [words(1, 20)]).pairs)
    assert not len(shared_runs([words(1, 20)], texts).pairs)
