"""Settings against sourced standard values and against the run."""
