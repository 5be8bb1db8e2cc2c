"""Faults of what is kept: values that do not come back as they were written."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

import attrs

from crmkit.changes import Document
from crmkit.memory import MemoryTransaction
from crmkit.schema import BASE, Kind
from crmkit.testing.broken.fault import Faults

__all__ = ["FAULTS"]

FAULTS = Faults()


class _Storing(MemoryTransaction):
    """Changes documents on their way in."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        raise NotImplementedError

    def _store(self, kind: Kind, document: Document) -> None:
        super()._store(kind, self.spoil(kind, document))


@FAULTS.caught_by("test_times_keep_microseconds", "test_a_record_comes_back_as_it_was_written")
class LosesMicroseconds(_Storing):
    """Times are cut to milliseconds."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        found = {name: document[name] for name in document if name in kind.fields}
        times = [name for name in found if kind.fields[name].type.name == "datetime"]
        cut = {name: f"{document[name][:23]}000{document[name][26:]}" for name in times}
        return {**document, **cut}


@FAULTS.caught_by("test_unknown_fields_come_back_word_for_word")
class DropsExtra(_Storing):
    """What the kind does not declare is not kept."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        return {name: each for name, each in document.items() if name in {*kind.fields, *BASE}}


@FAULTS.caught_by("test_decimals_are_exact")
class DecimalsAsFloats(_Storing):
    """Decimals pass through a float."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        found = [name for name in document if name in kind.fields]
        names = [name for name in found if kind.fields[name].type.name == "decimal"]
        return {**document, **{name: f"{Decimal(float(document[name])):.2f}" for name in names}}


@FAULTS.caught_by("test_text_is_kept_as_given", "test_equality_is_exact")
class ComposesText(_Storing):
    """Text is brought to NFC before it is kept."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        texts = {name: each for name, each in document.items() if isinstance(each, str)}
        return {**document, **{n: unicodedata.normalize("NFC", t) for n, t in texts.items()}}


@FAULTS.caught_by("test_empty_text_is_not_missing")
class EmptyIsMissing(_Storing):
    """An empty text is kept as none."""

    def spoil(self, kind: Kind, document: Document) -> Document:
        optional = [name for name, field in kind.fields.items() if not field.required]
        return {n: each for n, each in document.items() if each != "" or n not in optional}


@FAULTS.caught_by("test_nobody_shares_what_is_stored")
class SharesState(MemoryTransaction):
    """Stored values are the very objects of the record that was written."""

    def _store(self, kind: Kind, document: Document) -> None:
        super()._store(kind, document)
        rows = self._data.rows[kind.name]
        rows[document["id"]] = attrs.evolve(rows[document["id"]], document=document)
