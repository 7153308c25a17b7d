"""Recovery of a running training: see docs/design/0009-recovery.md."""
