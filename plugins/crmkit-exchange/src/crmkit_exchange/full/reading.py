"""Reading a full export: whole once before anything is done with it, then line by line."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crmkit.catalogue import from_catalogue
from crmkit_exchange.formats.items import FileRefused
from crmkit_exchange.full.lines import FORMAT

__all__ = ["Reading"]


def _damaged(why: str) -> FileRefused:
    return FileRefused(f"the export is damaged: {why}; nothing was imported, get the whole file")


class Reading:
    """A full export that was found whole: its `header`, and its lines; `read` is how many bytes of `size` are done.

    Raises `FileRefused` for a file that is no such export, was cut or altered, or is of a newer format.
    """

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self.read = 0
        self._path = path
        self.header = self._header()
        # Before anything is written: what a file says of its kinds is kept in the database ahead of its records.
        deque(self.lines(), maxlen=0)

    def _header(self) -> Mapping[str, Any]:
        with self._path.open("rb") as file:
            said = _parsed(file.readline()) or {}
        if said.get("crmkit") != "export" or not isinstance(said.get("catalogue"), dict):
            raise FileRefused("this is no full export of crmkit's; it begins with no header")
        written = said.get("format")
        if not isinstance(written, int) or written > FORMAT:
            raise FileRefused(
                f"the export has format {written}, and this crmkit reads {FORMAT}; upgrade crmkit-exchange"
            )
        for name, entry in said["catalogue"].items():
            _check_described(name, entry)
        return said

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """What each line between the header and the end says.

        Raises `FileRefused` at a line that is no JSON object, and at the last if the end is not true of all before it.
        """
        digest, counts = hashlib.sha256(), Counter[str]()
        self.read = 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                said = _parsed(line)
                if said is None:
                    raise _damaged(f"line {number:,} is no JSON object")
                if "end" in said:
                    _check_end(said["end"], digest.hexdigest(), counts)
                    if file.read(1):
                        raise _damaged("something stands behind its end")
                    return
                digest.update(line)
                counts.update({"record", "change"} & said.keys())
                self.read += len(line)
                if number > 1:
                    yield said
        raise _damaged("it has no end, so it was cut off")


def _check_end(end: Any, digest: str, counts: Mapping[str, int]) -> None:
    wanted = {"records": counts["record"], "changes": counts["change"], "sha256": digest}
    found = {name: end.get(name) for name in wanted} if isinstance(end, dict) else {}
    if found.pop("sha256", None) != wanted.pop("sha256"):
        raise _damaged("its lines are not those that were written")
    if found != wanted:
        raise _damaged("it does not have as many records and changes as its end says")


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The JSON object that a line is; None if it is none."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _check_described(name: str, entry: Any) -> None:
    try:
        if from_catalogue(name, entry).schema < 0:
            raise ValueError
    except (LookupError, TypeError, ValueError, AttributeError):
        raise FileRefused(
            f"the export describes the kind {name} in a way that this crmkit does not know; upgrade it, then import again"
        ) from None
