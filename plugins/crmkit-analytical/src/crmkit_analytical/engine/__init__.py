"""The engine: columns of records in DuckDB, asked through Ibis, refreshed from the journal."""
