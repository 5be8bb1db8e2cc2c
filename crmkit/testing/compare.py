"""When two storages have given the same answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmkit.errors import (
    ConflictError,
    CrmError,
    Duplicate,
    MissingReference,
    ReferencedError,
)

__all__ = ["exact", "told"]


def told(error: CrmError, batch: int) -> tuple[Any, ...]:
    """What of an error must be the same: of a batch with several faults, any may be told."""
    name = type(error).__name__
    if batch > 1:
        return ("error",)
    if isinstance(error, ConflictError):
        return name, error.kind, error.id, error.expected, error.actual
    if isinstance(error, Duplicate):
        return name, error.kind
    if isinstance(error, MissingReference | ReferencedError):
        return name, error.kind, error.id
    return (name,)


def exact(value: Any) -> Any:
    """What a value is, in a form where 1, 1.0 and True differ and the order of keys does not matter."""
    if attrs.has(type(value)):
        names = (each.name for each in attrs.fields(type(value)))
        return type(value).__name__, [exact(getattr(value, name)) for name in names]
    if isinstance(value, Mapping):
        return sorted((key, exact(each)) for key, each in value.items())
    if isinstance(value, list | tuple):
        return type(value).__name__, [exact(each) for each in value]
    return repr(value)
