"""Whose ticket it is: who is eligible, which ticket is next, and one claim for each."""
