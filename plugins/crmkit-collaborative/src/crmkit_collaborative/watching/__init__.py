"""What everybody changes, as it is committed."""
