"""A CRM framework: a small core of typed records, one storage interface, and hooks."""

__version__ = "0.1.0"
