"""Recovery of a running training: see docs/design/0009-recovery.md."""

from tunewell.train.guard.guard import Guard

__all__ = ["Guard"]
