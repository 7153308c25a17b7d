"""Texts that are the same or nearly the same, found without comparing all with all."""
