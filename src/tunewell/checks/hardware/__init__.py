"""Memory, disk and speed."""
