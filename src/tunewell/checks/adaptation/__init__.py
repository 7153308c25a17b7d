"""Drift, forgetting, regression against the last model."""
