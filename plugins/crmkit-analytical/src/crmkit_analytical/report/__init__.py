"""What a report is, and how one is asked."""
