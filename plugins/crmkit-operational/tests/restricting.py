"""A plugin that shows one actor the customers of one country, and what belongs to these: the guide's one rule."""

from __future__ import annotations

from types import ModuleType

from crmkit import Manifest, Restriction, hookimpl, where

__all__ = ["SHY"]


@hookimpl
def crm_restrict(crm, actor, kind):
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
SHY.manifest = Manifest(name="shy")
SHY.crm_restrict = crm_restrict
