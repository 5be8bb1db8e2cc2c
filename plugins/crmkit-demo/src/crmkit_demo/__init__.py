"""A company to try things on: `crm demo`."""

from __future__ import annotations

from crmkit import Manifest

__version__ = "0.1.0"

manifest = Manifest(name="demo", api="1.0")
