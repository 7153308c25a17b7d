"""The smallest change that makes a step fit: a search over the moves, each one simulated.

Nothing is assumed to fit: every piece of advice holds the simulation of its own step. Safe moves,
after which the same is learned, come before any that changes what is learned. A simulation costs
seconds, so that few are made: moves that lessen what the peak is held for come first, and each
round is one batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from tunewell.core.finding import Safety
from tunewell.plan.advice import BATCHES, FITS, Advice
from tunewell.plan.hunt import Hunt, Seconds, Simulate
from tunewell.plan.moves import FASTER, MOVES, Move
from tunewell.plan.moves.steps import micro_batches, with_batch
from tunewell.plan.simulated import Simulated
from tunewell.plan.step import Step

MOST = 24
"""Simulations of one search, unless told otherwise: about a minute of one core."""

A_ROUND = 6
"""Moves that are tried beside one another on what is best so far."""

ALTERNATIVES = 3
"""Moves that are tried in place of fewer rows at a time, where these cost time."""

WORTH = 0.01
"""The share of the peak, or of the time, below which a move is not worth telling."""

FREE = 0.05
"""The share of the time that is as good as nothing, where memory saved is put against time lost."""


def search(
    step: Step,
    simulate: Simulate,
    seconds: Seconds,
    capacity: int,
    *,
    most: int = MOST,
    moves: Iterable[Move] = MOVES,
) -> tuple[Advice, ...]:
    """What to change, the best first.

    Where the step does not fit: the changes that make it fit, safe ones and small ones first, then
    those that do not suffice, by the memory saved against the time lost, and where it is tight the
    variables to set. Where it fits: what makes it faster and still fits. The effective batch always
    stays. Among the advice is the micro-batch of most rows that fits.

    Args:
        step: as the recipe has it.
        simulate: simulates several steps at once and answers in their order.
        seconds: the likely time of a simulated step.
        capacity: bytes that PyTorch's allocator may take: the GPU's, without the driver's context.
        most: simulations at most, that of the step itself among them.
        moves: what may be changed; `tunewell.plan.moves.possible` says what a recipe's reader can.

    Returns:
        Nothing if the step itself cannot be simulated.
    """
    hunt = Hunt(simulate, seconds, capacity, most)
    base = hunt.start(step)
    if base is None:
        return ()
    allowed = tuple(moves)
    if base.fit == "fits":
        _faster(hunt, base, allowed)
    else:
        _smaller(hunt, base, allowed)
    return (*_ranked(hunt, base), *_settings(base, allowed))


def largest_batch(
    step: Step, simulate: Simulate, capacity: int, *, most: int = MOST
) -> tuple[Step, Simulated] | None:
    """The step with the most rows at a time that fit, at the same effective batch.

    Returns:
        None if not even one row fits, or none could be simulated within `most` simulations.
    """
    hunt = Hunt(simulate, lambda _: 0.0, capacity, most)
    base = hunt.start(step)
    best = hunt.most_rows(base) if base is not None else None
    return None if best is None else (best.step, best.simulated)


def _smaller(hunt: Hunt, base: Advice, moves: Sequence[Move]) -> None:
    """Find what makes it fit: safe moves alone or together if they can, else any."""
    useful = [move for move in moves if _held(base, move) > WORTH * hunt.capacity]
    safe = [move for move in useful if move.safety is Safety.SAFE]
    others = [move for move in useful if move.safety is not Safety.SAFE]
    _alone(hunt, base, safe)
    best = _best(hunt) or _together(hunt, base, safe) or _otherwise(hunt, base, others, safe)
    if best is not None:
        best = _pruned(hunt, base, best)
        if any(move.id in BATCHES for move in safe):
            hunt.most_rows(best)
            _quicker(hunt, base, best, safe)


def _quicker(hunt: Hunt, base: Advice, best: Advice, safe: Sequence[Move]) -> None:
    """One more safe move in place of rows that were taken away, where that cost time."""
    if best.slower <= FREE or not any(move.id in BATCHES for move in best.moves):
        return
    kept = tuple(move for move in best.moves if move.id not in BATCHES)
    more = [m for m in safe if m not in kept and m.id not in BATCHES and not m.unseen]
    rows = base.step.batch
    more = [m for m in more if m.apply(_made(base, kept, rows)) is not None]
    more.sort(key=lambda move: -_held(base, move))
    before = hunt.try_all([(kept, _made(base, kept, rows))])
    fronts = [((*kept, m), _made(base, (*kept, m), rows)) for m in more[:ALTERNATIVES]]
    for front in hunt.try_all(fronts) if before else ():
        if _gain(before[0], front) > WORTH:
            hunt.most_rows(front)


def _together(hunt: Hunt, front: Advice, safe: Sequence[Move]) -> Advice | None:
    """Safe moves on top of a step, where all of them together would do."""
    floor = _all_of(hunt, front, safe)
    return _descend(hunt, front, safe) if floor is not None and floor.fit == "fits" else None


def _otherwise(
    hunt: Hunt, front: Advice, others: Sequence[Move], safe: Sequence[Move]
) -> Advice | None:
    """As few moves as possible that change what is learned, with safe ones on top."""
    while hunt.left > 0:
        tried = _round(hunt, front, others)
        fitting = [each for each in tried if each.fit == "fits"]
        if fitting:
            return min(fitting, key=_smallest)
        better = [each for each in tried if _gain(front, each) > 0]
        if not better:
            break
        front = max(better, key=lambda each: _worth(front, each))
        best = _together(hunt, front, safe)
        if best is not None:
            return best
    return None


def _held(front: Advice, move: Move) -> int:
    """Bytes at the peak of the kinds that a move lessens."""
    by_kind = front.simulated.by_kind
    return sum(by_kind.get(kind, 0) for kind in move.attacks)


def _alone(hunt: Hunt, base: Advice, moves: Sequence[Move]) -> None:
    """Each move by itself, and the most rows that fit.

    A move that would not do even if nothing were left of what it lessens is not simulated.
    """
    over = base.simulated.peak_reserved - hunt.capacity
    could = [move for move in moves if _held(base, move) >= over]
    _round(hunt, base, could)
    if any(move.id in BATCHES for move in could):
        hunt.most_rows(base)


def _made(front: Advice, moves: Iterable[Move], batch: int) -> Step:
    """A step after more moves, with so many rows at a time."""
    step = front.step
    for move in moves:
        step = (None if move.id in BATCHES else move.apply(step)) or step
    return with_batch(step, batch)


def _all_of(hunt: Hunt, front: Advice, moves: Sequence[Move]) -> Advice | None:
    """All moves together, with the fewest rows at a time if that is among them."""
    batch = front.step.batch
    if any(move.id in BATCHES for move in moves):
        batch = micro_batches(front.step)[0]
    taken = tuple(move for move in moves if move.apply(front.step) is not None)
    made = hunt.try_all([((*front.moves, *taken), _made(front, taken, batch))]) if taken else []
    return made[0] if made else None


def _descend(hunt: Hunt, front: Advice, moves: Sequence[Move]) -> Advice | None:
    """Add the best move to what is best so far, until it fits or nothing more helps."""
    batched = any(move.id in BATCHES for move in moves)
    while hunt.left > 0:
        tried = _round(hunt, front, moves)
        fitting = [each for each in tried if each.fit == "fits"]
        if not fitting and batched and (fewer := hunt.most_rows(front)) is not None:
            fitting = [fewer]
        if fitting:
            return min(fitting, key=_smallest)
        better = [each for each in tried if _gain(front, each) > 0]
        if not better:
            break
        front = max(better, key=lambda each: _worth(front, each))
    return None


def _round(hunt: Hunt, front: Advice, moves: Sequence[Move]) -> list[Advice]:
    """One more move on what is best so far, those that lessen the peak's holders most first."""
    ready: list[tuple[int, Move, Step]] = []
    for move in moves:
        after = move.apply(front.step)
        if after is not None and (move not in front.moves or move.again):
            ready.append((_held(front, move), move, after))
    ready.sort(key=lambda entry: -entry[0])
    return hunt.try_all(
        (front.moves if move in front.moves else (*front.moves, move), after)
        for held, move, after in ready[:A_ROUND]
        if held
    )


def _pruned(hunt: Hunt, base: Advice, best: Advice) -> Advice:
    """The advice without the moves that it does not need, as far as simulations reach.

    Each is left out in turn, and then all together that could be left out, or else the one whose
    absence makes the step fastest.
    """
    while len(best.moves) > 1 and hunt.left > 0:
        if any(move.again and move.id not in BATCHES for move in best.moves):
            break
        without = [_without(base, best, {move.id}) for move in best.moves]
        spared = [each for each in hunt.try_all(without) if each.fit == "fits"]
        if not spared:
            break
        kept = set.intersection(*({move.id for move in each.moves} for each in spared))
        gone = {move.id for move in best.moves} - kept
        every = hunt.try_all([_without(base, best, gone)]) if kept and len(spared) > 1 else []
        best = min([each for each in every if each.fit == "fits"] or spared, key=_smallest)
    return best


def _without(base: Advice, best: Advice, gone: set[str]) -> tuple[tuple[Move, ...], Step]:
    """The moves that stay when some are left out, and the step that they lead to."""
    kept = tuple(move for move in best.moves if move.id not in gone)
    batched = any(move.id in BATCHES for move in kept)
    return kept, _made(base, kept, best.step.batch if batched else base.step.batch)


def _faster(hunt: Hunt, base: Advice, moves: Sequence[Move]) -> None:
    """What makes a step faster that fits already."""
    quick = [move for move in moves if move.id in FASTER or not move.attacks]
    changed = [(move, move.apply(base.step)) for move in quick if move.id not in BATCHES]
    hunt.try_all(((move,), after) for move, after in changed if after is not None)
    if any(move.id in BATCHES for move in quick):
        hunt.most_rows(base)


def _ranked(hunt: Hunt, base: Advice) -> tuple[Advice, ...]:
    """What was found, the best first, without what is of no use."""
    changed = [each for each in hunt.found.values() if each.moves]
    if base.fit == "fits":
        quicker = [each for each in changed if each.fit == "fits" and each.slower < -WORTH]
        return tuple(sorted(quicker, key=lambda each: (_unsafe(each), each.slower)))
    helping = [each for each in changed if _gain(base, each) > WORTH or each.fit == "fits"]
    best = [e for e in helping if not any(_better(other, e) for other in helping)]
    return tuple(sorted(best, key=lambda each: _order(base, each)))


def _better(one: Advice, other: Advice) -> bool:
    """Whether one says it all: no more moves than the other, and of no less use."""
    mine, its = ({move.id for move in each.moves} for each in (one, other))
    if one is other or not mine <= its or one.fit != other.fit:
        return False
    if one.fit == "fits":
        return one.slower < other.slower or (mine < its and one.slower < other.slower + WORTH)
    return one.saved > other.saved or (mine < its and one.saved == other.saved)


def _settings(base: Advice, moves: Sequence[Move]) -> Iterator[Advice]:
    """For a step that is tight: the variables that help the allocator. The step stays the same."""
    for move in moves if base.fit == "tight" else ():
        if move.environment and move.change is None:
            yield dataclasses.replace(base, moves=(move,))


def _order(base: Advice, each: Advice) -> tuple[int, bool, bool, float, float]:
    """What fits goes first, then safe moves, then few and quick ones, or else those worth most."""
    place = FITS.index(each.fit)
    if each.fit == "fits":
        return place, *_smallest(each)
    return place, _unsafe(each), each.unseen, -_worth(base, each), each.slower


def _best(hunt: Hunt) -> Advice | None:
    fitting = [each for each in hunt.found.values() if each.moves and each.fit == "fits"]
    return min(fitting, key=_smallest, default=None)


def _smallest(each: Advice) -> tuple[bool, bool, int, float]:
    return _unsafe(each), each.unseen, len(each.moves), each.slower


def _unsafe(each: Advice) -> bool:
    return each.safety is not Safety.SAFE


def _gain(front: Advice, each: Advice) -> float:
    """The share of the peak that it lessens."""
    before = front.simulated.peak_reserved
    return (before - each.simulated.peak_reserved) / max(1, before)


def _worth(front: Advice, each: Advice) -> float:
    """The share of memory saved against the share of time lost."""
    lost = max(0.0, each.seconds - front.seconds) / max(front.seconds, 1e-9)
    return _gain(front, each) / (FREE + lost)
