"""On which channel a customer is best met, and whether they may be."""
