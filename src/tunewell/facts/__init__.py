"""Derivations that several checks share, computed once for each subject and remembered."""
