"""Intervals and tests: the one home of the statistics that facts, checks, proof and adapt use."""
