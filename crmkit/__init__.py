"""A CRM framework: a small core of typed records, one storage interface, and hooks.

The public names are written out here and loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from crmkit.config import Company as Company
    from crmkit.config import Config as Config
    from crmkit.config import load_config as load_config
    from crmkit.crm import CRM as CRM
    from crmkit.crm import Handle as Handle
    from crmkit.errors import BackendError as BackendError
    from crmkit.errors import BusyError as BusyError
    from crmkit.errors import CauseLoop as CauseLoop
    from crmkit.errors import ClosedError as ClosedError
    from crmkit.errors import ConfigError as ConfigError
    from crmkit.errors import ConflictError as ConflictError
    from crmkit.errors import CrmError as CrmError
    from crmkit.errors import Denied as Denied
    from crmkit.errors import Duplicate as Duplicate
    from crmkit.errors import InvalidRecords as InvalidRecords
    from crmkit.errors import MissingReference as MissingReference
    from crmkit.errors import NotFound as NotFound
    from crmkit.errors import PatchConflict as PatchConflict
    from crmkit.errors import PluginConflict as PluginConflict
    from crmkit.errors import PluginError as PluginError
    from crmkit.errors import Problem as Problem
    from crmkit.errors import QueryError as QueryError
    from crmkit.errors import ReferencedError as ReferencedError
    from crmkit.errors import RestrictedError as RestrictedError
    from crmkit.errors import SchemaError as SchemaError
    from crmkit.errors import TransactionError as TransactionError
    from crmkit.errors import UnsupportedError as UnsupportedError
    from crmkit.errors import ValueRefused as ValueRefused
    from crmkit.kinds import Alias as Alias
    from crmkit.kinds import Customer as Customer
    from crmkit.kinds import CustomField as CustomField
    from crmkit.kinds import Direction as Direction
    from crmkit.kinds import Identity as Identity
    from crmkit.kinds import Interaction as Interaction
    from crmkit.kinds import Participant as Participant
    from crmkit.manifest import Check as Check
    from crmkit.manifest import CommandSpec as CommandSpec
    from crmkit.manifest import FieldSpec as FieldSpec
    from crmkit.manifest import Finding as Finding
    from crmkit.manifest import Manifest as Manifest
    from crmkit.manifest import Restriction as Restriction
    from crmkit.manifest import Section as Section
    from crmkit.manifest import WorkerSpec as WorkerSpec
    from crmkit.manifest import hookimpl as hookimpl
    from crmkit.manifest import hookspec as hookspec
    from crmkit.query import AnyOf as AnyOf
    from crmkit.query import Linked as Linked
    from crmkit.query import Order as Order
    from crmkit.query import Query as Query
    from crmkit.query import Where as Where
    from crmkit.query import any_of as any_of
    from crmkit.query import holds as holds
    from crmkit.query import linked as linked
    from crmkit.query import where as where
    from crmkit.reading import Reader as Reader
    from crmkit.records import OpaqueRecord as OpaqueRecord
    from crmkit.records import Record as Record
    from crmkit.records import field as field
    from crmkit.records import kind as kind
    from crmkit.restrictions import MASKED as MASKED
    from crmkit.schema import Field as Field
    from crmkit.schema import Kind as Kind
    from crmkit.schema import Schema as Schema
    from crmkit.storage import SYSTEM as SYSTEM
    from crmkit.storage import Actor as Actor
    from crmkit.storage import Cause as Cause
    from crmkit.storage import Change as Change
    from crmkit.storage import Measure as Measure
    from crmkit.storage import Storage as Storage
    from crmkit.storage import Total as Total
    from crmkit.storage import Write as Write
    from crmkit.text import search_tokens as search_tokens
    from crmkit.timeline import Records as Records
    from crmkit.transaction import GuardView as GuardView
    from crmkit.transaction import Transaction as Transaction
    from crmkit.values import Clock as Clock
    from crmkit.values import Money as Money
    from crmkit.values import new_id as new_id

_HOMES = {
    "config": "Company Config load_config",
    "crm": "CRM Handle",
    "errors": "BackendError BusyError CauseLoop ClosedError ConfigError ConflictError CrmError Denied Duplicate "
    "InvalidRecords MissingReference NotFound PatchConflict PluginConflict PluginError Problem QueryError "
    "ReferencedError RestrictedError SchemaError TransactionError UnsupportedError ValueRefused",
    "kinds": "Alias Customer CustomField Direction Identity Interaction Participant",
    "manifest": "Check CommandSpec FieldSpec Finding Manifest Restriction Section WorkerSpec hookimpl hookspec",
    "query": "AnyOf Linked Order Query Where any_of holds linked where",
    "reading": "Reader",
    "records": "OpaqueRecord Record field kind",
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
