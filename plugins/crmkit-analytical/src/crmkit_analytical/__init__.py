"""Answers that can be checked: reports on an embedded engine that is filled from storage and refreshed from the journal."""

from __future__ import annotations

from crmkit import Manifest
from crmkit_analytical.settings import Settings

__version__ = "0.1.0"

manifest = Manifest(name="analytical", api="1.0", config=Settings)
