"""Hand-overs: what the next colleague must know."""
