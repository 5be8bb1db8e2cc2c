"""What a `sqlite://` URL means: which file, and how careful to be with it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import attrs

from crmkit.errors import BackendError, nearest

__all__ = ["Location", "read_url"]

_OPTIONS = ("synchronous", "timeout")


@attrs.frozen
class Location:
    """A database: its file (None for one that is gone when it is closed), durability, seconds to wait when busy."""

    path: Path | None
    synchronous: str = "FULL"
    timeout: float = 5.0


def read_url(url: str) -> Location:
    """The location that a URL names; `BackendError` for one that is misspelt.

    `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for a database of its own; `%3F` and the like in
    file names; `?synchronous=normal`, `?timeout=30`.
    """
    scheme, colon, rest = url.partition("://")
    if scheme != "sqlite" or not colon:
        raise BackendError(f"{url!r} is no SQLite URL; write it as in sqlite:///acme.db")
    name, _, options = rest.partition("?")
    if name and not name.startswith("/"):
        raise BackendError(
            f"{url!r} has {'two' if name else 'no'} slashes; write three for a file here, sqlite:///acme.db, and "
            "four for an absolute path"
        )
    path = unquote(name.removeprefix("/"))
    if "\0" in path:
        raise BackendError(f"{url!r} names a file with a NUL character, which no file system has")
    file = None if path in {"", ":memory:"} else Path(path)
    return Location(file, **_options(url, options))


def _options(url: str, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name == "synchronous" and value.casefold() in {"full", "normal"}:
            found[name] = value.upper()
        elif name == "timeout" and _seconds(value) is not None:
            found[name] = float(value)
        elif name in _OPTIONS:
            raise BackendError(
                f"{url!r}: {name} cannot be {value!r}; write synchronous=full or normal, timeout=5"
            )
        else:
            hint = nearest(name, _OPTIONS) or f"; there are {', '.join(_OPTIONS)}"
            raise BackendError(f"{url!r} has an unknown option {name!r}{hint}")
    return found


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= 86_400 else None


def file_uri(path: Path, mode: str) -> str:
    """The file as SQLite's URI; `mode` is `rw` to open only what is there, `rwc` to create it."""
    return f"file:{quote(str(path.absolute()))}?mode={mode}"
