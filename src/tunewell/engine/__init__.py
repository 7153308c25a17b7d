"""Choose checks, give each what it needs, and gather every outcome."""
