"""The reports that plugins bring, by name."""

from __future__ import annotations

from crmkit import CRM, NotFound
from crmkit.errors import nearest
from crmkit_analytical.engine.sources import History, Journal, Records, Source
from crmkit_analytical.report.definition import Report

__all__ = ["fields_of", "named", "reports", "sources_of"]


def reports(crm: CRM) -> dict[str, Report]:
    """The reports of which all kinds are there. Raises `PluginConflict` for two of one name, which names both plugins."""
    found = crm.plugins.merged("crm_reports", Report)
    return {name: found[name][0] for name in sorted(found) if not _missing(crm, found[name][0])}


def _missing(crm: CRM, report: Report) -> list[str]:
    """The kinds that it needs and no plugin brings here; records that a plugin left behind are not read by reports."""
    brought = {each.name for each in crm.schema if not each.opaque}
    return sorted({*report.kinds, *report.histories} - brought)


def named(crm: CRM, name: str) -> Report:
    """The report of a name. Raises `NotFound` naming the nearest, or the kinds that it needs."""
    known = reports(crm)
    if name in known:
        return known[name]
    brought = crm.plugins.merged("crm_reports", Report)
    if name in brought:
        needed = _missing(crm, brought[name][0])
        raise NotFound("report", name, f"it needs {', '.join(needed)}, which no plugin brings here")
    hint = nearest(name, known).removeprefix("; ") or "`crm report list` shows those that there are"
    raise NotFound("report", name, hint)


def fields_of(crm: CRM, report: Report, kind: str) -> tuple[str, ...]:
    """The fields of a kind that a report reads here; none if it does not read it."""
    if kind not in report.kinds:
        return ()
    known = crm.schema[kind].fields
    return (*report.kinds[kind], *(each for each in report.extras.get(kind, ()) if each in known))


def sources_of(crm: CRM, report: Report) -> list[Source]:
    """What a report reads: of each kind every field that any report reads, so that no two make it anew in turn."""
    found: list[Source] = []
    for kind in report.kinds:
        fields = [field for each in reports(crm).values() for field in fields_of(crm, each, kind)]
        found.append(Records(kind, tuple(sorted({"id", *fields}))))
    for kind in report.histories:
        fields = [field for each in reports(crm).values() for field in each.histories.get(kind, ())]
        found.append(History(kind, tuple(sorted({*fields}))))
    return [*found, Journal()] if report.journal else found
