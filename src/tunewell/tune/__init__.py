"""The loop: check, train, diagnose, change one thing, prove it, repeat until nothing helps."""
