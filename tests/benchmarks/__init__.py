"""What crmkit costs, beside plain sqlite3 doing the same work in the same run: `python -m tests.benchmarks`."""
