"""Storages with one fault each, to prove that the contract would catch it."""

from __future__ import annotations

from crmkit.testing.broken import journal, reading, scope, search, trimming, values, writing
from crmkit.testing.broken.fault import Broken

__all__ = ["BROKEN", "Broken"]

BROKEN: list[Broken] = [
    *values.FAULTS,
    *reading.FAULTS,
    *scope.FAULTS,
    *search.FAULTS,
    *writing.FAULTS,
    *journal.FAULTS,
    *trimming.FAULTS,
]
"""Every broken storage."""
