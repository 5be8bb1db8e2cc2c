"""A CRM framework: a small core of typed records, one storage interface, and hooks.

The public names are written out here and loaded when they are first used.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "config": "Company Config load_config",
    "crm": "CRM Handle",
    "errors": "BackendError BusyError CauseLoop ClosedError ConfigError ConflictError CrmError Denied Duplicate "
    "InvalidRecords MissingReference NotFound PatchConflict PluginConflict PluginError Problem QueryError "
    "ReferencedError RestrictedError SchemaError TransactionError TrimmedError UnsupportedError ValueRefused",
    "kinds": "Alias Customer CustomField Direction Identity Interaction Participant",
    "manifest": "Check CommandSpec FieldSpec Finding Manifest Restriction Section WorkerSpec hookimpl hookspec",
    "query": "AnyOf Linked Order Query Where any_of holds linked where",
    "reading": "Reader",
    "records": "OpaqueRecord Record field kind",
    "restrictions": "MASKED",
    "schema": "Field Kind Schema",
    "changes": "SYSTEM Actor Cause Change Patch Write",
    "storage": "Measure Storage Total",
    "text": "search_tokens",
    "timeline": "Records",
    "transaction": "GuardView Transaction",
    "values": "Clock Money new_id",
}
_PUBLIC = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = ["__version__", *_PUBLIC]  # made of literals


def __getattr__(name: str) -> Any:
    home = _PUBLIC.get(name)
    if home is None:
        raise AttributeError(f"module 'crmkit' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"crmkit.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
