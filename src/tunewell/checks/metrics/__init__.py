"""Is the evaluation itself sound."""
