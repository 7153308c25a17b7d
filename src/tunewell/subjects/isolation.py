"""Whether texts that were packed into one row see each other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Isolation:
    """What changing the first text of a packed row did to the second.

    `texts` are the texts in the row that was tried, 0 where no row holds several. `by` says how
    they were told apart: "positions", where position ids begin again at 0, or "end tokens". Of the
    second text, `seen` is the share of its `length` tokens whose hidden state moved, and `change`
    the largest move against the spread of the hidden states. `attention` is the implementation.
    """

    texts: int = 0
    by: str = "positions"
    length: int = 0
    seen: float = 0.0
    change: float = 0.0
    attention: str = ""
