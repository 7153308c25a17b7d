"""Text pairs and preference pairs."""
