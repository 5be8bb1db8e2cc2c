"""Rules by their names."""

from __future__ import annotations

from crmkit import NotFound, Reader, where
from crmkit.errors import nearest
from crmkit_operational.automation.kinds import Rule

__all__ = ["rule_named"]


def rule_named(reader: Reader, name: str) -> Rule:
    """The rule of a name; raises `NotFound`, which names the nearest."""
    found = next(iter(reader.find(Rule, where.name == name, limit=1)), None)
    if found is None:
        known = [each.name for each in reader.find(Rule)]
        hint = nearest(name, known).removeprefix("; ") or "`crm rule list` shows those there are"
        raise NotFound(Rule.__kind__, name, hint)
    return found
