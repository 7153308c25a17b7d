"""What can be changed in a training step to need less memory or time, and how it is written."""

from tunewell.plan.moves.catalogue import FASTER, MOVES, move
from tunewell.plan.moves.move import Cost, Move
from tunewell.plan.moves.settings import Rewritten, possible, rewritten

__all__ = ["FASTER", "MOVES", "Cost", "Move", "Rewritten", "move", "possible", "rewritten"]
