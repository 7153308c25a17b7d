"""Matched experiments and the statistics that judge them."""
