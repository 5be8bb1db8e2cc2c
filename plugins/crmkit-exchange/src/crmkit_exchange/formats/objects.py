"""JSON: a line for each object, an array of them, or pages as APIs deliver them."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any

from crmkit_exchange.formats.encoding import Encoding, opened
from crmkit_exchange.formats.items import FileRefused, Item, ReadOptions, Source

__all__ = ["flattened", "open_objects"]

LISTS = (
    "results", "value", "records", "items", "data", "users", "organizations", "tickets", "comments", "contacts",
    "companies", "deals", "people", "persons", "customers", "engagements", "activities", "notes", "rows", "elements",
)  # fmt: skip
"""Where pages of APIs have their objects, the best known first."""
SAMPLE = 1000
DEEP = 50
"""Objects nested deeper than this have a problem: no field takes them."""


def open_objects(path: Path, name: str, options: ReadOptions, encoding: Encoding) -> Source:
    """The objects of a JSON file. Values of nested objects are under names with dots; lists stay lists."""
    return _Objects(path, name, encoding)


class _Objects(Source):
    """A JSON file that was opened: `_lines` if each line is a document of its own."""

    format = "json"

    def __init__(self, path: Path, name: str, encoding: Encoding) -> None:
        self.encoding = encoding.name
        self._path, self._name, self._encoding = path, name, encoding
        self._lines = _has_lines(path, encoding)
        self.within = None if self._lines else _list_in(path, encoding, name)
        columns: dict[str, None] = {}
        for item in islice(self.items(), SAMPLE):
            columns |= dict.fromkeys(item.values)
        self.columns = tuple(columns)

    def items(self) -> Iterator[Item]:
        """The objects."""
        found = self._by_lines() if self._lines else self._streamed()
        for number, (line, value, text, problem) in enumerate(found, 1):
            yield _item(number, line, value, text, problem)

    def _by_lines(self) -> Iterator[tuple[int | None, Any, str, str | None]]:
        with opened(self._path, self._encoding) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    value = json.loads(line, parse_constant=_refuse_constant)
                except (ValueError, RecursionError) as error:
                    yield number, {}, line, f"is no JSON: {_short(error)}"
                    continue
                key = _list_key(value) if isinstance(value, Mapping) else None
                self.within = self.within or key
                for each in value[key] if key else [value]:
                    yield number, each, line if not key else _compact(each), None

    def _streamed(self) -> Iterator[tuple[int | None, Any, str, str | None]]:
        import ijson

        with self._path.open("rb") as file:
            place = f"{self.within}.item" if self.within else _top(self._path, self._encoding)
            try:
                for value in ijson.items(_in_utf8(file, self._encoding), place, use_float=True):
                    yield None, value, _compact(value), None
            except (ijson.JSONError, ValueError, OverflowError, RecursionError) as error:
                yield None, {}, "", f"breaks off here, the rest cannot be read: {_short(error)}"


def _item(number: int, line: int | None, value: Any, text: str, problem: str | None) -> Item:
    if problem is None and not isinstance(value, Mapping):
        problem = "is no object"
    values: dict[str, Any] = {}
    if problem is None:
        try:
            values = dict(flattened(value))
        except RecursionError:
            problem = f"is nested deeper than {DEEP} levels"
    return Item(number, values, text, line, problem)


def flattened(
    value: Mapping[str, Any], within: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """The values of an object, those of objects in it under `outer.inner`; raises `RecursionError` where too deep."""
    if depth > DEEP:
        raise RecursionError
    for name, each in value.items():
        if isinstance(each, Mapping) and each:
            yield from flattened(each, f"{within}{name}.", depth + 1)
        else:
            yield f"{within}{name}", each


def _has_lines(path: Path, encoding: Encoding) -> bool:
    """Whether the first line is a whole document, and others follow."""
    with opened(path, encoding) as file:
        first = next((line for line in file if line.strip()), "")
        second = next((line for line in file if line.strip()), "")
    try:
        whole = isinstance(json.loads(first), Mapping)
    except (ValueError, RecursionError):
        # A line that is broken does not make the others less lines.
        return first.lstrip().startswith("{") and second.lstrip().startswith("{")
    return whole and (bool(second) or _list_key(json.loads(first)) is None)


def _list_in(path: Path, encoding: Encoding, name: str) -> str | None:
    """Under what name a page has its objects; None for an array, and for one object."""
    import ijson

    lists: list[str] = []
    with path.open("rb") as file:
        try:
            for place, event, value in ijson.parse(_in_utf8(file, encoding)):
                if place == "" and event in {"string", "number", "boolean", "null"}:
                    raise FileRefused(f"{name} holds {value!r:.40} and no objects")
                if event == "start_array" and "." not in place:
                    if place == "":
                        return None
                    lists.append(place)
                held = str(place).removesuffix(".item")
                if event == "start_map" and place != held and held in LISTS:
                    return held
        except (ijson.JSONError, ValueError, RecursionError) as error:
            if not lists:
                raise FileRefused(f"{name} is no JSON that can be read: {_short(error)}") from None
    known = [each for each in LISTS if each in lists]
    return known[0] if known else lists[0] if len(lists) == 1 else None


def _list_key(value: Mapping[str, Any]) -> str | None:
    """Under what name an object has a list of objects, if that is what it is for."""
    lists = [
        name
        for name, each in value.items()
        if isinstance(each, list) and all(isinstance(one, Mapping) for one in each) and each
    ]
    return next((each for each in LISTS if each in lists), None)


def _top(path: Path, encoding: Encoding) -> str:
    """Where `ijson` finds the objects of a file that is no page."""
    with opened(path, encoding) as file:
        return "item" if file.read(4096).lstrip().startswith("[") else ""


def _in_utf8(file: IO[bytes], encoding: Encoding) -> Any:
    """The bytes of a file in UTF-8, which is what `ijson` reads, from behind its mark."""
    file.seek(encoding.mark)
    return file if encoding.name == "utf-8" else codecs.EncodedFile(file, "utf-8", encoding.name)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _short(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return " ".join(str(error).split())[:200]
