"""What is known of the world, as data with a source for each value."""
