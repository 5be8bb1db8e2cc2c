"""Customers who are there more than once: found, compared, explained."""
