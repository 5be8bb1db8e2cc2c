"""Statistics that reports rest on: pure functions of numbers."""
