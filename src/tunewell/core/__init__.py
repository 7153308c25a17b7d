"""Findings, checks and the document: what everything else speaks in."""
