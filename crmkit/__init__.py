"""A CRM framework: a small core of typed records, one storage interface, and hooks.

The public names are written out here and loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from crmkit.config import Company, Config, load_config
    from crmkit.crm import CRM, Handle
    from crmkit.errors import (
        BackendError,
        BusyError,
        CauseLoop,
        ClosedError,
        ConfigError,
        ConflictError,
        CrmError,
        Denied,
        Duplicate,
        InvalidRecords,
        MissingReference,
        NotFound,
        PatchConflict,
        PluginConflict,
        PluginError,
        Problem,
        QueryError,
        ReferencedError,
        RestrictedError,
        SchemaError,
        TransactionError,
        UnsupportedError,
        ValueRefused,
    )
    from crmkit.manifest import (
        Check,
        CommandSpec,
        FieldSpec,
        Finding,
        Manifest,
        Restriction,
        Section,
        WorkerSpec,
        hookimpl,
        hookspec,
    )
    from crmkit.query import AnyOf, Linked, Order, Query, Where, any_of, holds, linked, where
    from crmkit.reading import Reader
    from crmkit.records import (
        Alias,
        Customer,
        CustomField,
        Direction,
        Identity,
        Interaction,
        OpaqueRecord,
        Participant,
        Record,
        field,
        kind,
    )
    from crmkit.restrictions import MASKED
    from crmkit.schema import Field, Kind, Schema
    from crmkit.storage import SYSTEM, Actor, Cause, Change, Measure, Storage, Total, Write
    from crmkit.text import search_tokens
    from crmkit.timeline import Records
    from crmkit.transaction import GuardView, Transaction
    from crmkit.values import Clock, Money, new_id

_HOMES = {
    "config": "Company Config load_config",
    "crm": "CRM Handle",
    "errors": "BackendError BusyError CauseLoop ClosedError ConfigError ConflictError CrmError Denied Duplicate "
    "InvalidRecords MissingReference NotFound PatchConflict PluginConflict PluginError Problem QueryError "
    "ReferencedError RestrictedError SchemaError TransactionError UnsupportedError ValueRefused",
    "manifest": "Check CommandSpec FieldSpec Finding Manifest Restriction Section WorkerSpec hookimpl hookspec",
    "query": "AnyOf Linked Order Query Where any_of holds linked where",
    "reading": "Reader",
    "records": "Alias Customer CustomField Direction Identity Interaction OpaqueRecord Participant Record field kind",
    "restrictions": "MASKED",
    "schema": "Field Kind Schema",
    "storage": "SYSTEM Actor Cause Change Measure Storage Total Write",
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
