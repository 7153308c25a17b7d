"""Patterns among wrong answers, and known exception texts."""
