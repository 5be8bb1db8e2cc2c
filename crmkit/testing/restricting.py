"""A plugin that restricts, to test with: one actor sees the customers of one country, and what belongs to these."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from crmkit.crm import CRM
from crmkit.manifest import Manifest, Restriction, hookimpl
from crmkit.query import where

__all__ = ["SHY"]


@hookimpl
def crm_restrict(crm: CRM, actor: Any, kind: str) -> Restriction | None:
    """To `kim` only the customers of Korea are there, and of other kinds what refers to these: the guide's one rule."""
    if actor.id != "kim":
        return None
    if kind == "customer":
        return Restriction(conditions=[where.country == "KR"])
    return Restriction(
        conditions=[
            where[f"{field.name}.country"] == "KR"
            for field in crm.schema[kind].references
            if field.refers_to == "customer"
        ]
    )


SHY = ModuleType("shy")
"""The plugin: open an app with it, and ask as `crm.acting("kim")`."""
vars(SHY).update(manifest=Manifest(name="shy"), crm_restrict=crm_restrict)
