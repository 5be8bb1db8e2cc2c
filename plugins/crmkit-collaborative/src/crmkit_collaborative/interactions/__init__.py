"""What was said with a customer: notes to remember, threads, and one stream of everything."""
