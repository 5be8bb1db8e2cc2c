"""From items to drafts: each value found, read as its field's type, and everything that is left kept as details."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import attrs

from crmkit import Kind, ValueRefused
from crmkit.plain import json_copy
from crmkit.schema import Field
from crmkit_exchange.amounts import parse_money
from crmkit_exchange.channels import Address, addresses, normalised
from crmkit_exchange.dates import parse_date, parse_moment
from crmkit_exchange.formats.items import Item
from crmkit_exchange.importing.draft import Draft, Pointer
from crmkit_exchange.importing.layout import Layout
from crmkit_exchange.importing.rows import FoldedRow, spelt
from crmkit_exchange.placeholders import is_placeholder
from crmkit_exchange.presets.values import EMPTY, Column, Value

__all__ = ["CONTENT", "drafted", "field_value", "moment"]

CONTENT = "row:"
"""How the key of a row without an id begins: behind it stands a hash of all that the row says."""

PEOPLE = ("from", "to", "cc", "bcc")
"""The columns of a message that hold lists of `{"name": ..., "address": ...}`."""
FREE = frozenset({"subject", "body"})
"""Texts that people wrote freely: `?` or `-` is what they wrote."""
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_NUMERIC = frozenset({"whole", "number", "decimal"})


def moment(item: Item, layout: Layout) -> datetime | None:
    """Since when a row of a history is true; None if it does not say. Raises `ValueRefused`."""
    history = layout.preset.history
    given = history.at(FoldedRow(item.values)) if history and not item.problem else None
    if history is None or given is None or is_placeholder(str(given), "any"):
        return None
    column = ", ".join(history.at.columns)
    return parse_moment(str(given), layout.orders.get(column), layout.zone)


def drafted(item: Item, layout: Layout) -> Draft:
    """The draft of an item; what is wrong with it stands in `problem`, nothing raises."""
    if item.problem:
        return Draft(item=item, problem=item.problem)
    row = FoldedRow(item.values)
    if layout.preset.kind is None:
        return Draft(item=item, skip=layout.preset.reason)
    if layout.preset.skip and (reason := layout.preset.skip(row)):
        return Draft(item=item, skip=reason)
    try:
        return _Drafting(item, row, layout).draft()
    except ValueRefused as error:
        return Draft(item=item, problem=str(error))


@attrs.define
class _Drafting:
    """One item on its way to a draft; `notes` collects what was not taken, `untaken` the columns where it stands."""

    item: Item
    row: FoldedRow
    layout: Layout
    notes: list[str] = attrs.field(factory=list)
    untaken: set[str] = attrs.field(factory=set)

    def draft(self) -> Draft:
        effective = self._effective()
        values = dict(self.layout.constants) | dict(self._values())
        pointers = dict(self._pointers())
        found = tuple(dict.fromkeys([*self._own(), *self._people(values)]))
        key = self._key()
        history = self.layout.preset.history
        if not (self.layout.preset.only_update or (history and history.of)):
            self._complete(values, pointers, found, key)
        details = json_copy(dict(self._details()))
        return Draft(
            item=self.item,
            key=key,
            values=values,
            pointers=pointers,
            addresses=found,
            details=details,
            notes=tuple(self.notes),
            effective=effective,
            parts=dict(self._parts()),
        )

    def _parts(self) -> Iterator[tuple[str, Draft]]:
        """The drafts of what else the row makes: nothing of which a value is missing that must be given."""
        for owner, layout in self.layout.parts.items():
            own = _Drafting(self.item, self.row, layout)
            values = dict(layout.constants) | dict(own._values())
            if {*_required(layout.kind)} <= {*values, owner}:
                yield owner, Draft(item=self.item, values=values)

    def _effective(self) -> datetime | None:
        history = self.layout.preset.history
        found = moment(self.item, self.layout)
        if history and found is None:
            raise ValueRefused(f"column {', '.join(history.at.columns)!r} does not say since when")
        return found

    def _complete(
        self,
        values: dict[str, Any],
        pointers: Mapping[str, Pointer],
        found: tuple[Address, ...],
        key: str,
    ) -> None:
        """Give a record its name; refuse one without what it must have."""
        if self.layout.kind.name == "customer" and not values.get("name"):
            values["name"] = self._nameless(found, key)
        for name in _required(self.layout.kind):
            if values.get(name) is None and name not in pointers:
                raise ValueRefused(f"has no value for {name}")

    # Fields ----------------------------------------------------------------------------------------------------

    def _values(self) -> Iterator[tuple[str, Any]]:
        for path, source in self.layout.preset.fields.items():
            raw = source(self.row)
            if raw is EMPTY:
                yield path, None
                continue
            if raw is None or _says_nothing(path, raw):
                yield from self._emptied(path, source)
                continue
            column = source.name if isinstance(source, Column) else ", ".join(source.columns)
            try:
                value = field_value(self.layout, self.layout.kind.field(path), raw, column)
            except ValueRefused as error:
                raise ValueRefused(f"column {column!r} {error}") from None
            if value is not None:
                yield path, value

    def _emptied(self, path: str, source: Value) -> Iterator[tuple[str, Any]]:
        """What a blank cell means: nothing, but in a whole state, or where it is told of, that the field is empty."""
        history = self.layout.preset.history
        field = self.layout.kind.field(path)
        if not history or path in self.layout.constants:
            return
        if history.of and not history.tells_of(self.row, source.columns):
            return
        if not field.required:
            yield path, None
        elif isinstance(field.default, str | tuple):
            yield path, field.default

    def _pointers(self) -> Iterator[tuple[str, Pointer]]:
        for path, reference in self.layout.preset.references.items():
            found = reference.found(self.row)
            if found is not None and not is_placeholder(found[1], "any"):
                target = self.layout.kind.field(path).refers_to or ""
                yield path, Pointer(target, *found)

    def _nameless(self, found: tuple[Address, ...], key: str) -> str:
        """What a customer is called whom the source gives no name."""
        if found:
            return found[0].value
        if self._given_key() is None or not self.layout.preset.signatures:
            raise ValueRefused("has neither a name nor an address")
        return f"{self.layout.preset.object} {key}"

    # Addresses -------------------------------------------------------------------------------------------------

    def _own(self) -> Iterator[Address]:
        region, home = self.layout.region, self.layout.home
        for channel, columns in self.layout.preset.addresses.items():
            for column in columns:
                for each in addresses(channel, self.row.get(column), region, home):
                    if isinstance(each, Address):
                        yield each
                        continue
                    self.notes.append(f"{column}: {each.why}")
                    if not each.says_nothing:
                        self.untaken |= {*spelt(tuple(self.item.values), column)}

    def _people(self, values: dict[str, Any]) -> Iterator[Address]:
        """Whom a message is from and to; and which way it went, unless that was said."""
        people = list(self._correspondents())
        own = [each for each in people if self._is_own(each)]
        if own and "direction" in self.layout.kind.fields and "direction" not in values:
            sent = any(each.role == "from" for each in own)
            field = self.layout.kind.field("direction")
            values["direction"] = field.type.accept("out" if sent else "in")
        yield from (each for each in people if each not in own)

    def _correspondents(self) -> Iterator[Address]:
        for role in PEOPLE:
            given = self.row.get(role)
            for each in given if isinstance(given, list | tuple) else ():
                if isinstance(each, Mapping) and (text := str(each.get("address") or "").strip()):
                    form = normalised("email", text, self.layout.home)
                    if form is None:
                        self.notes.append(f"{role}: {text!r:.60} is no e-mail address")
                        continue
                    yield Address("email", text, form, role, str(each.get("name") or "").strip())

    def _is_own(self, address: Address) -> bool:
        domain = f"@{address.normalised.rpartition('@')[2]}"
        return bool(self.layout.own & {address.normalised, domain})

    # Keys and the rest -----------------------------------------------------------------------------------------

    def _given_key(self) -> str | None:
        columns = [self.layout.preset.key] if self.layout.preset.key else list(self.layout.keys)
        texts = [self._key_text(each) for each in columns]
        if not columns or not all(texts):
            return None
        return texts[0] if len(texts) == 1 else json.dumps(texts, ensure_ascii=False)

    def _key_text(self, column: str) -> str:
        """What a key column says; an address in its normal form, so that `A@B.C` is `a@b.c`."""
        given = self.row.get(column)
        for channel, columns in self.layout.preset.addresses.items():
            if column in columns:
                found = addresses(channel, given, self.layout.region, self.layout.home)
                return next((each.normalised for each in found if isinstance(each, Address)), "")
        return "" if given is None else str(given).strip()

    def _key(self) -> str:
        """The id in the source; where it has none, a hash of all that the row says."""
        key = self._given_key()
        if key is None and self.layout.keys:
            raise ValueRefused(f"has no value in the key column {', '.join(self.layout.keys)}")
        if key is None or len(key) > 1000:
            said = json.dumps(self.item.values, ensure_ascii=False, sort_keys=True, default=str)
            return CONTENT + hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
        return key

    def _details(self) -> Iterator[tuple[str, Any]]:
        if self.layout.preset.again:
            return
        columns = tuple(self.item.values)
        # What a reference says is kept, unless it is ignored: it may lead nowhere yet, or name what it leads to.
        references = self.layout.preset.references.values()
        pointing = {name for each in references for name in each.columns}
        pointing -= {*self.layout.preset.ignored}
        taken = (each for each in self.layout.preset.columns if each not in pointing)
        used = {s for each in taken for s in spelt(columns, each)}
        for name, value in self.item.values.items():
            if (name not in used or name in self.untaken) and value not in (None, "", [], {}):
                yield name, value


@lru_cache(maxsize=256)
def _required(kind: Kind) -> tuple[str, ...]:
    """The fields without which there is no record of a kind."""
    fields = (each for each in kind.fields.values() if each.required)
    return tuple(each.name for each in fields if each.default is attrs.NOTHING)


def _says_nothing(path: str, raw: Any) -> bool:
    """Whether a value stands for none: blank, `-`, `Select`, the hash of nothing."""
    if isinstance(raw, str):
        return not raw.strip() if path in FREE else is_placeholder(raw, "name")
    return raw in ([], (), {})


def field_value(layout: Layout, field: Field, raw: Any, column: str) -> Any:
    """A value of a file as a field of a kind holds it; raises `ValueRefused`."""
    name = field.type.name
    if isinstance(raw, list | tuple) and name not in {"items", "object"}:
        raw = ", ".join(map(str, raw))
    if isinstance(raw, bool | int | float) and name in {
        "text",
        "reference",
        "datetime",
        "date",
        "decimal",
    }:
        raw = str(raw)
    if not isinstance(raw, str):
        return field.type.accept(raw) if name in {"items", "choice"} else field.type.load(raw)
    text = raw.strip()
    if name == "datetime":
        return field.type.accept(parse_moment(text, layout.orders.get(column), layout.zone))
    if name == "date":
        return field.type.accept(parse_date(text, layout.orders.get(column)))
    if name == "money":
        return field.type.accept(parse_money(text, layout.currency))
    if name in _NUMERIC and _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    return field.type.parse(text)
