"""One database into another, whatever stores them: every record, version and change, and what workers have done."""

__all__ = ["COPY"]

COPY = "crmkit/copy"
"""Where the target keeps how far a copy has come; forgotten when it was found whole."""
