"""popek."""
