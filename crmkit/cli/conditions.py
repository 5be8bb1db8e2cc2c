"""Values and conditions as people write them: `amount>=100 EUR`, `stage in won,lost`, `owner missing`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import Any

from crmkit.cli.app import App
from crmkit.errors import QueryError, ValueRefused
from crmkit.query import Op, Where
from crmkit.schema import BASE, Field, Kind

__all__ = ["assignments", "condition", "parsed"]

_SIGNS: dict[str, Op] = {
    "=": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "~": "contains",
    "^": "prefix",
    "in": "in",
    "has": "has",
}
_CONDITION = re.compile(
    r"\s*([\w.]+)(?:\s+(missing|present)\s*|\s*(!=|<=|>=|[=<>~^])\s*(.*)|\s+(in|has)\s+(.*))",
    re.DOTALL,
)


def parsed(app: App, field: Field, text: str) -> Any:
    """The value of a field that a person wrote; without a zone or a currency it is in the company's."""
    if field.type.name != "money":
        return app.time(text) if field.type.name == "datetime" else field.type.parse(text)
    currency = app.config.company.currency
    try:
        return field.type.parse(text if any(map(str.isalpha, text)) else f"{text} {currency}")
    except ValueRefused:
        raise ValueRefused(f"takes money, not {text!r}; write it as in 12000 {currency}") from None


def condition(app: App, kind: Kind, text: str) -> Where:
    """The condition that a person wrote; raises `QueryError`."""
    match = _CONDITION.fullmatch(text)
    if not match:
        raise QueryError(
            f"{text!r} is not a condition; write `field=value`, with != < <= > >= ~ (contains) ^ (begins with), "
            "or `field in a,b`, `field has member`, `field missing`, `field present`"
        )
    path, presence, sign, value, word, values = match.groups()
    field = app.crm.schema.locate(kind, path).field
    if presence:
        return Where(path, "present", presence == "present")
    op = _SIGNS[sign or word]
    try:
        return Where(path, op, _value(app, field, op, values if word else value))
    except ValueRefused as error:
        raise QueryError(f"{kind.name}.{path} {error}") from None


def _value(app: App, field: Field, op: Op, text: str) -> Any:
    if op in {"contains", "prefix", "has"}:
        return text
    if op == "in":
        each = next(csv.reader([text], skipinitialspace=True), [])
        return tuple(parsed(app, field, value) for value in each)
    return parsed(app, field, text)


def assignments(app: App, kind: Kind, texts: Iterable[str]) -> dict[str, Any]:
    """The values of `field=value` texts, by field; raises `QueryError`."""
    found: dict[str, Any] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals:
            raise QueryError(f"{text!r} sets nothing; write it as in --set field=value")
        field = settable(kind, path.strip())
        try:
            found[field.name] = parsed(app, field, value)
        except ValueRefused as error:
            raise QueryError(f"{kind.name}.{field.name} {error}") from None
    return found


def settable(kind: Kind, path: str) -> Field:
    """A field that people may set; not what crmkit itself keeps of every record."""
    if path in BASE:
        raise QueryError(f"{kind.name}.{path} is kept by crmkit; set another field")
    return kind.field(path)
