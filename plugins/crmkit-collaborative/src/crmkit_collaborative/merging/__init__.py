"""Merges that are planned, applied, undone and split."""
