"""Bringing an app and its database together: the kinds of now, of before, and of people; old documents forward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from crmkit.catalogue import catalogue, from_catalogue
from crmkit.changes import SYSTEM, Stamp, Write
from crmkit.codec import dump_document, load_document, stamped
from crmkit.declarations import custom_field, read_kind, type_of
from crmkit.errors import BackendError, SchemaError
from crmkit.guards import normalise
from crmkit.kinds import CORE_KINDS, CustomField, Identity
from crmkit.manifest import FieldSpec, described
from crmkit.query import Query
from crmkit.records import Record
from crmkit.schema import Field, Kind, Schema
from crmkit.storage import Storage
from crmkit.values import Clock, new_id

if TYPE_CHECKING:
    from crmkit.plugins import Plugins

__all__ = ["NORMALISERS", "build_schema", "open_schema", "plugin_kinds", "reload_schema"]

CATALOGUE = "crmkit/catalogue"
NORMALISERS = "crmkit/normalisers"
"""Where a database keeps by whom and for which region its identities were normalised."""
BATCH = 500
"""How many records an upgrade rewrites in one transaction."""


def plugin_kinds(plugins: Plugins, custom: Iterable[tuple[str, Field]] = ()) -> list[Kind]:
    """The kinds of the core and of the plugins, with the fields that plugins and people added to them."""
    brought: list[tuple[type[Record], str]] = [(cls, "crmkit") for cls in CORE_KINDS]
    brought += [(cls, str(call.owner)) for cls, call in plugins.kinds().values()]
    names = {cls.__kind__ for cls, _ in brought}
    added: dict[str, list[Field]] = {}
    for path, (spec, call) in plugins.fields().items():
        on, _, name = path.partition(".")
        if on not in names:
            raise SchemaError(
                f"plugin {call.owner} adds the field {name} to {on!r}, which is no kind; "
                "name the plugin that brings it in `requires`"
            )
        added.setdefault(on, []).append(_added_field(name, spec, str(call.owner)))
    for on, field in custom:
        added.setdefault(on, []).append(field)
    return [read_kind(cls, owner, added.get(cls.__kind__, ())) for cls, owner in brought]


def _added_field(name: str, spec: FieldSpec, owner: str) -> Field:
    made, required = type_of(spec.type, spec, name)
    if required:
        raise SchemaError(
            f"plugin {owner} adds the field {name} as {spec.type!r}, but records from before have no value in it; "
            "let its type allow for None, as in `bool | None`, and fill it in with crm_prepare"
        )
    return Field(name, made, options=spec, owner=owner)


def build_schema(
    plugins: Plugins, kept: dict[str, Any], custom: Sequence[tuple[str, Field]]
) -> Schema:
    """The schema of now, with the kinds of the kept catalogue that no plugin brings any more as opaque ones."""
    kinds = plugin_kinds(plugins, custom)
    known = {kind.name for kind in kinds}
    kinds += [from_catalogue(name, entry) for name, entry in kept.items() if name not in known]
    return Schema.of(kinds)


def _kept_custom(kept: dict[str, Any]) -> list[tuple[str, Field]]:
    """The fields that people added, by the catalogue: there before the database is open for reading."""
    kinds = (from_catalogue(name, entry) for name, entry in kept.items())
    return [(kind.name, each) for kind in kinds for each in kind.fields.values() if each.custom]


def open_schema(
    storage: Storage, plugins: Plugins, clock: Clock, region: str, adopted: Mapping[str, Any]
) -> Schema:
    """Prepare a database for an app: its tables, its catalogue, and documents of older schemas.

    `adopted` is the catalogue of another database, whose records are to come. Raises `SchemaError` for a kind that is newer in the database than in its plugin.
    """
    kept = storage.state(CATALOGUE) or {}
    known = {**kept, **adopted}
    schema = build_schema(plugins, known, _kept_custom(known))
    stored = {kind: known.get(kind.name, {}).get("schema", kind.schema) for kind in schema}
    for kind, version in stored.items():
        if version > kind.schema:
            raise SchemaError(
                f"the database holds {kind.name} records of schema {version}, and {kind.owner} knows {kind.schema}; "
                "upgrade that plugin"
            )
    storage.prepare(schema)
    for kind, version in stored.items():
        if version < kind.schema:
            _upgrade(storage, kind, version, clock)
    _keep(storage, schema, kept)
    _renormalise(storage, plugins, clock, region)
    return schema


def _keep(storage: Storage, schema: Schema, kept: dict[str, Any]) -> None:
    wanted = catalogue(schema)
    if wanted != kept:
        with storage.transaction() as tx:
            tx.set_state(CATALOGUE, wanted)


def reload_schema(storage: Storage, plugins: Plugins) -> Schema:
    """The schema with the custom fields that the database has now."""
    definitions = [
        each for each in storage.find(Query(CustomField.__kind__)) if isinstance(each, CustomField)
    ]
    kept = storage.state(CATALOGUE) or {}
    custom = [(each.on, custom_field(each)) for each in definitions]
    schema = build_schema(plugins, kept, custom)
    storage.prepare(schema)
    _keep(storage, schema, kept)
    return schema


# Old documents -------------------------------------------------------------------------------------------------


def _upgrade(storage: Storage, kind: Kind, stored: int, clock: Clock) -> None:
    """Bring the records of a kind forward, in batches that each keep how far they came."""

    def forward(record: Record) -> Record:
        document = dump_document(kind, record)
        data = kind.cls.upgrade(dict(document), stored)
        fixed = {name: document[name] for name in ("id", "version", "created_at", "updated_at")}
        return load_document(kind, {**data, **fixed})

    progress = f"crmkit/upgrade/{kind.name}/{kind.schema}"
    try:
        _rewrite(storage, kind, forward, progress, clock)
    except BackendError:
        raise
    except Exception as error:
        raise SchemaError(
            f"the {kind.name} records cannot be brought from schema {stored} to {kind.schema} by {kind.owner}: "
            f"{described(error)}; nothing was lost, mend its `upgrade` and open again"
        ) from error


def _renormalise(storage: Storage, plugins: Plugins, clock: Clock, region: str) -> None:
    """Recompute normalised identities if other plugins normalise them than the last time."""
    who = sorted(str(call.owner) for call in plugins.calls("crm_normalise"))
    signature = {"by": who, "region": region}
    if storage.state(NORMALISERS) == signature:
        return

    def recomputed(record: Record) -> Record:
        assert isinstance(record, Identity)
        return record.set("normalised", normalise(plugins, record.channel, record.value, region))

    _rewrite(storage, storage.schema[Identity.__kind__], recomputed, f"{NORMALISERS}/at", clock)
    with storage.transaction() as tx:
        tx.set_state(NORMALISERS, signature)


def _rewrite(
    storage: Storage, kind: Kind, change: Callable[[Record], Record], progress: str, clock: Clock
) -> None:
    """Change every record of a kind, journaled, in transactions that can be interrupted anywhere."""
    query = Query(kind.name, limit=BATCH, after=storage.state(progress))
    while True:
        with storage.transaction() as tx:
            page = tx.page(query)
            _write(tx, kind, page.records, change, clock)
            tx.set_state(progress, page.after)
        if page.after is None:
            return
        query = attrs.evolve(query, after=page.after)


def _write(
    tx: Any, kind: Kind, records: Sequence[Record], change: Callable[[Record], Record], clock: Clock
) -> None:
    pairs = [(record, change(record)) for record in records]
    changed = [(old, new) for old, new in pairs if old != new]
    if not changed:
        return
    at = max(clock(), *(old.updated_at for old, _ in changed))
    writes = [
        Write("update", stamped(new, old.version + 1, old.created_at, at), old)
        for old, new in changed
    ]
    tx.update(kind.name, writes, Stamp(new_id(), at, at, SYSTEM))
