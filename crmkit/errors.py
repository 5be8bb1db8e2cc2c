"""The errors of crmkit: each says what, where and what to do, and keeps the parts as attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import attrs

__all__ = [
    "BackendError",
    "BusyError",
    "CauseLoop",
    "ClosedError",
    "ConfigError",
    "ConflictError",
    "CrmError",
    "Denied",
    "Duplicate",
    "InvalidRecords",
    "MissingReference",
    "NotFound",
    "PatchConflict",
    "PluginConflict",
    "PluginError",
    "Problem",
    "QueryError",
    "ReferencedError",
    "RestrictedError",
    "SchemaError",
    "TransactionError",
    "TrimmedError",
    "UnsupportedError",
    "ValueRefused",
    "nearest",
]


class CrmError(Exception):
    """Anything that crmkit refuses; its text is one sentence and what to do."""


class ValueRefused(CrmError, ValueError):
    """A value that no record can hold: NUL, a lone surrogate, NaN, a naive time, too large."""


class SchemaError(CrmError, TypeError):
    """A kind that is declared in a way crmkit cannot store."""


class QueryError(CrmError, ValueError):
    """A condition, order or cursor that does not fit the kind it meets."""


class TrimmedError(QueryError):
    """A part of the past was asked for that was trimmed from the journal. Attribute `since`: from when on it is known."""

    def __init__(self, sentence: str, since: datetime) -> None:
        super().__init__(sentence)
        self.since = since


class ConfigError(CrmError, ValueError):
    """A setting that is missing, misspelt or of the wrong type."""


class TransactionError(CrmError, RuntimeError):
    """A transaction used in a way that it does not allow: nested, after its end, or around it."""


class ClosedError(CrmError, RuntimeError):
    """The app or its storage was used after it had been closed."""


class BackendError(CrmError, OSError):
    """The database cannot do what was asked: no such file, read-only, disk full, not a database."""


class BusyError(BackendError):
    """Another process held the database for longer than this one was ready to wait."""


class UnsupportedError(CrmError, NotImplementedError):
    """The storage lacks the capability that was asked for."""


class NotFound(CrmError, LookupError):
    """There is no such record, or the actor may not see it.

    Attributes: `kind`, `id`.
    """

    def __init__(self, kind: str, id: str, hint: str = "look it up with `crm search`") -> None:
        super().__init__(f"there is no {kind} {id!r}; {hint}")
        self.kind = kind
        self.id = id


class RestrictedError(CrmError, PermissionError):
    """The actor may not see a field that the query, order, total or write uses."""


@attrs.define(eq=False, repr=False)
class Problem:
    """One thing that is wrong with one record: `kind`, `id`, `field`, `text` and the `plugin` that says so."""

    kind: str
    id: str
    field: str | None
    text: str
    plugin: str | None = None

    def __str__(self) -> str:
        place = f"{self.kind}.{self.field}" if self.field else self.kind
        source = f" [{self.plugin}]" if self.plugin else ""
        return f"{place}: {self.text}{source}"

    def __repr__(self) -> str:
        return f"<Problem {self}>"


class InvalidRecords(CrmError, ValueError):
    """Records that break a rule. Attribute `problems` has every one that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        shown = "; ".join(str(problem) for problem in problems[:5])
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        super().__init__(f"{shown}{more}")
        self.problems = tuple(problems)


class Denied(CrmError, PermissionError):
    """The actor may not make these writes. Attribute `denials` has every reason."""

    def __init__(self, actor: str, denials: Sequence[Problem]) -> None:
        reasons = "; ".join(str(denial) for denial in denials[:5])
        super().__init__(f"{actor} may not do this: {reasons}")
        self.actor = actor
        self.denials = tuple(denials)


class ConflictError(CrmError):
    """A record is no longer, or not yet, at the version that the writer saw.

    Attributes: `kind`, `id`, `expected` and `actual` (versions; 0 where there is no record) and, for a clash
    of two people on the same fields, `clashes`: field -> (mine, theirs, original).
    """

    def __init__(
        self,
        kind: str,
        id: str,
        expected: int,
        actual: int,
        clashes: Mapping[str, tuple[object, object, object]] | None = None,
    ) -> None:
        self.kind = kind
        self.id = id
        self.expected = expected
        self.actual = actual
        self.clashes = dict(clashes or {})
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        if self.clashes:
            fields = ", ".join(
                f"{name} (mine {mine!r}, theirs {theirs!r}, originally {original!r})"
                for name, (mine, theirs, original) in self.clashes.items()
            )
            return f"{self.kind} {self.id} was changed by someone else in the same fields: {fields}"
        if self.actual == 0:
            return f"{self.kind} {self.id} is gone; it was at version {self.expected}"
        if self.expected == 0:
            return f"{self.kind} {self.id} is there already, at version {self.actual}; update it instead"
        return (
            f"{self.kind} {self.id} is at version {self.actual}, not {self.expected}; read it again"
        )


class Duplicate(CrmError, ValueError):
    """Another record has these values, which must be unique.

    Attributes: `kind`, `fields`, `values`, `existing` (the id of the record that has them).
    """

    def __init__(
        self, kind: str, fields: Sequence[str], values: Sequence[object], existing: str
    ) -> None:
        pairs = ", ".join(f"{f} {v!r}" for f, v in zip(fields, values, strict=True))
        super().__init__(f"{kind} {existing} already has {pairs}, which must be unique")
        self.kind = kind
        self.fields = tuple(fields)
        self.values = tuple(values)
        self.existing = existing


class MissingReference(CrmError, LookupError):
    """A record refers to another that is not there. Attributes: `kind`, `id`, `field`, `target`, `target_id`."""

    def __init__(self, kind: str, id: str, field: str, target: str, target_id: str) -> None:
        super().__init__(
            f"{kind}.{field} refers to {target} {target_id!r}, which does not exist; add the {target} first"
        )
        self.kind = kind
        self.id = id
        self.field = field
        self.target = target
        self.target_id = target_id


class ReferencedError(CrmError, ValueError):
    """A record cannot be deleted because others refer to it. Attributes: `kind`, `id`, `by`, `field`, `by_id`."""

    def __init__(self, kind: str, id: str, by: str, field: str, by_id: str) -> None:
        super().__init__(
            f"{kind} {id} cannot be deleted: {by} {by_id} refers to it in {field}; delete or change that first"
        )
        self.kind = kind
        self.id = id
        self.by = by
        self.field = field
        self.by_id = by_id


class CauseLoop(CrmError, RecursionError):
    """A chain of causes went deeper than 8: rules that keep setting each other off. Attribute: `chain`."""

    def __init__(self, chain: Sequence[str]) -> None:
        super().__init__(
            "these rules keep setting each other off: "
            + " > ".join(chain)
            + "; give one of them a condition that ends it"
        )
        self.chain = tuple(chain)


class PluginError(CrmError):
    """A plugin that cannot be used or that failed in a hook. Attributes: `plugin`, `hook`, `distribution`."""

    def __init__(
        self,
        sentence: str,
        *,
        plugin: str = "",
        hook: str | None = None,
        distribution: str | None = None,
    ) -> None:
        super().__init__(sentence)
        self.plugin = plugin
        self.hook = hook
        self.distribution = distribution


class PluginConflict(PluginError):
    """Two plugins bring the same thing: a kind, a field, a storage scheme, a command."""


class PatchConflict(PluginError):
    """Two plugins want different values in one field of one record."""


def nearest(name: str, names: Iterable[str]) -> str:
    """The words `; did you mean X?` for the most similar of `names`, or nothing."""
    import difflib

    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""
