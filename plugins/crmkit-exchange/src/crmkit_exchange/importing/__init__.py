"""Bringing items in: planning, writing, undoing."""
