"""Small real trainers for the comparison of simulated with real steps."""
