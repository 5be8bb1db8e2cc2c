"""One database into another, whatever stores them: every record, version and change, and what workers have done."""
