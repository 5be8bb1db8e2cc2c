"""What the database has of a batch of rows: looked up for all of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from crmkit import Identity, Reader, Record, where
from crmkit_exchange.importing.draft import Draft, Pointer
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.kinds import ExternalId
from crmkit_exchange.presets.preset import Preset

__all__ = ["Known", "looked_up"]

Place = tuple[str, str]
"""A sort of thing in the source and its id there; or a channel and an address on it."""


@attrs.frozen
class Known:
    """What is there already of one batch; staged records are added, so that later rows of the batch see them.

    `externals` are by (object, external id), `records` by id, `holders` by (channel, normalised address).
    `candidates` are the records that a row's key columns could mean, by the row's key; `titled` are the ids of records
    by (kind, title), for references that give a name; `taken` are the ids of records by the values of fields that
    only one record may have.
    """

    externals: dict[Place, ExternalId] = attrs.field(factory=dict)
    records: dict[str, Record] = attrs.field(factory=dict)
    holders: dict[Place, list[Identity]] = attrs.field(factory=lambda: defaultdict(list))
    candidates: dict[str, list[Record]] = attrs.field(factory=lambda: defaultdict(list))
    titled: dict[Place, list[str]] = attrs.field(factory=lambda: defaultdict(list))
    taken: dict[str, dict[Any, str]] = attrs.field(factory=lambda: defaultdict(dict))

    def add(self, other: Known) -> None:
        """Add what is there of further rows; what is known already stays, since it may be staged by now."""
        other.externals.update(self.externals)
        self.externals.update(other.externals)
        other.records.update(self.records)
        self.records.update(other.records)

    def target(self, pointer: Pointer) -> str | None:
        """The id of the record that a pointer means, None if it is not here or several could be meant."""
        for object in pointer.reference.object:
            external = self.externals.get((object, pointer.external_id))
            found = self.records.get(external.record_id) if external is not None else None
            # An order and a customer of one source may both have the number 17.
            if found is not None and found.__kind__ == pointer.kind:
                return found.id
        own = self.records.get(pointer.external_id)
        if own is not None and own.__kind__ == pointer.kind:
            return own.id
        if isinstance(pointer.reference.makes, Preset):  # what is called so elsewhere is not meant
            return None
        named = self.titled.get((pointer.kind, pointer.external_id), ())
        return named[0] if len(named) == 1 else None


def looked_up(tx: Reader, layout: Layout, drafts: Sequence[Draft]) -> Known:
    """What is there of these rows, in a handful of queries."""
    known = Known()
    usable = [each for each in drafts if not (each.problem or each.skip)]
    for object, ids in _wanted(layout, usable).items():
        for external in _externals(tx, layout.preset.source, object, ids):
            known.externals[object, external.external_id] = external
    by_kind: dict[str, set[str]] = defaultdict(set)
    for external in known.externals.values():
        by_kind[external.record_kind].add(external.record_id)
    for kind, id in _own_ids(layout, usable):
        by_kind[kind].add(id)
    for kind, ids in by_kind.items():
        if kind in tx.schema.kinds:
            wanted = sorted(ids)
            for id, record in zip(wanted, tx.get_many(kind, wanted), strict=True):
                if record is not None:
                    known.records[id] = record
    for record in _titled(tx, usable, known):
        title = str(record[tx.schema[record.__kind__].title])
        known.titled[record.__kind__, title].append(record.id)
    for identity in _holders(tx, usable):
        known.holders[identity.channel, identity.normalised].append(identity)
    if layout.keys:
        _find_candidates(tx, layout, usable, known)
    for path in layout.preset.if_free:
        given = {each.values[path] for each in usable if path in each.values}
        for record in tx.find(layout.kind.name, where[path].in_(sorted(given))) if given else ():
            known.taken[path][record[path]] = record.id
    return known


def _wanted(layout: Layout, drafts: Iterable[Draft]) -> Mapping[str, set[str]]:
    """The ids in the source that rows have or point to, by sort of thing."""
    found: dict[str, set[str]] = defaultdict(set)
    for draft in drafts:
        found[layout.preset.object].add(draft.key)
        history = layout.preset.history
        for object in (history.of, *history.yields_to) if history else ():
            if object is not None:
                found[object].add(draft.key)
        for pointer in draft.pointers.values():
            for object in pointer.reference.object:
                found[object].add(pointer.external_id)
    return found


def _externals(tx: Reader, source: str, object: str, ids: set[str]) -> Iterator[ExternalId]:
    own = (where.source == source, where["kind"] == object)
    return tx.find(ExternalId, *own, where.external_id.in_(sorted(ids)))


def _own_ids(layout: Layout, drafts: Iterable[Draft]) -> Iterator[tuple[str, str]]:
    """Ids of this database that rows give: those of people's exports do."""
    for draft in drafts:
        if _is_own_id(draft.key):
            yield layout.kind.name, draft.key
        for path, pointer in draft.pointers.items():
            target = layout.kind.field(path).refers_to
            if target and _is_own_id(pointer.external_id):
                yield target, pointer.external_id


def _titled(tx: Reader, drafts: Iterable[Draft], known: Known) -> Iterator[Record]:
    """The records that have what a reference says for a title, where it is no id that is known.

    Of customers only organizations: a reference by name is to a company.
    """
    names: dict[str, set[str]] = defaultdict(set)
    for draft in drafts:
        for pointer in draft.pointers.values():
            if known.target(pointer) is None:
                names[pointer.kind].add(pointer.external_id)
    for kind, texts in names.items():
        title = tx.schema[kind].title
        if title != "id":
            companies = (where.type == "organization",) if kind == "customer" else ()
            yield from tx.find(kind, where[title].in_(sorted(texts)), *companies)


def _is_own_id(text: str) -> bool:
    """Whether a text looks like an id that crmkit made (a UUID of version 7)."""
    return (
        len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-" and text[14] == "7"
    )


def _holders(tx: Reader, drafts: Iterable[Draft]) -> Iterator[Identity]:
    """The identities that have one of the rows' addresses, the oldest first."""
    places: dict[str, set[str]] = defaultdict(set)
    for draft in drafts:
        for address in draft.addresses:
            places[address.channel].add(address.normalised)
    for channel, forms in places.items():
        here = (where.channel == channel, where.normalised.in_(sorted(forms)))
        yield from tx.find(Identity, *here)


def _find_candidates(tx: Reader, layout: Layout, drafts: Sequence[Draft], known: Known) -> None:
    """The records that have what the key columns of a row say, in fields or as addresses."""
    for draft in drafts:
        found = _by_addresses(tx, layout, draft, known)
        if found is None:
            found = _by_fields(tx, layout, draft)
        known.candidates[draft.key] += found
        known.records.update((each.id, each) for each in found)


def _by_addresses(tx: Reader, layout: Layout, draft: Draft, known: Known) -> list[Record] | None:
    """The customers with the addresses in the key columns; None if no key column holds addresses."""
    channels = {
        channel
        for channel, columns in layout.preset.addresses.items()
        if {*columns} & {*layout.keys}
    }
    if not channels:
        return None
    owners: list[set[str]] = []
    for channel in sorted(channels):
        places = [each.place for each in draft.addresses if each.channel == channel]
        holders = (each for place in places for each in known.holders.get(place, ()))
        owners.append({each.customer_id for each in holders if each.customer_id})
    found = tx.get_many(layout.kind.name, sorted(set.intersection(*owners)))
    return [each for each in found if each is not None]


def _by_fields(tx: Reader, layout: Layout, draft: Draft) -> list[Record]:
    conditions: list[Any] = [
        where[path] == draft.values[path]
        for path, source in layout.preset.fields.items()
        if {*source.columns} & {*layout.keys} and path in draft.values
    ]
    return list(tx.find(layout.kind.name, *conditions, limit=5)) if conditions else []
