"""Plain values, which every database and file can hold: text, whole numbers and JSON, checked and made."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from crmkit.errors import ValueRefused
from crmkit.values import INT64

__all__ = [
    "MAX_TEXT",
    "attributes",
    "check_size",
    "check_text",
    "json_copy",
    "read_json",
    "refused",
]

MAX_TEXT = 1_000_000
"""The longest text, in characters, that one field may hold; also the longest JSON of a tuple or mapping."""

_encoded = json.JSONEncoder(ensure_ascii=False, default=dict).encode
_TOO_DEEP = "is nested deeper than 50 levels; flatten it"


def refused(wanted: str, value: object) -> ValueRefused:
    """The error for a value of another sort than `wanted`."""
    return ValueRefused(f"takes {wanted}, not {value!r:.80}")


def check_text(text: str) -> None:
    """Refuse what databases and files cannot hold: NUL, a lone surrogate, more than `MAX_TEXT` characters."""
    if len(text) > MAX_TEXT:
        raise ValueRefused(f"has {len(text):,} characters; at most {MAX_TEXT:,} fit, shorten it")
    if "\0" in text:
        raise ValueRefused("holds a NUL character; take it out")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueRefused(
                f"holds a lone surrogate at character {error.start}; it was decoded wrongly, decode it again"
            ) from None


def check_size(whole: int, shown: object = None) -> None:
    """Refuse a whole number beyond 64 bits, `shown` as something else where it stands for that."""
    if abs(whole) > INT64:
        raise ValueRefused(f"{whole if shown is None else shown} does not fit in 64 bits")


def _check_json(value: Any, depth: int = 0) -> None:
    if depth > 50:
        raise ValueRefused(_TOO_DEEP)
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if not isinstance(key, str):
                raise ValueRefused(f"has the key {key!r}; keys are text")
            check_text(key)
            _check_json(each, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            _check_json(each, depth + 1)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        check_size(value)
    elif not isinstance(value, float) or not math.isfinite(value):
        raise refused("JSON values", value)


def json_copy(value: Any) -> Any:
    """A checked copy in plain JSON form: nobody else holds it, nothing but JSON is in it."""
    _check_json(value)
    text = _encoded(value)
    if len(text) > MAX_TEXT:
        raise ValueRefused(f"has {len(text):,} characters as JSON; at most {MAX_TEXT:,} fit")
    return json.loads(text)


def read_json(text: str) -> Any:
    """The value of a JSON text that a person wrote."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueRefused(f"is not JSON: {error}") from None
    except RecursionError:
        raise ValueRefused(_TOO_DEEP) from None


def attributes(value: object, names: Iterable[str]) -> dict[str, Any]:
    """Some attributes of an object by name, tuples as lists: what it would be after a way through JSON."""
    return {name: _listed(getattr(value, name)) for name in names}


def _listed(value: Any) -> Any:
    return list(map(_listed, value)) if isinstance(value, tuple) else value
