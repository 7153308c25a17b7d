"""Tunewell finds out why a fine-tune is failing or will fail, repairs it, and proves the repair."""

__version__ = "0.1.0"
