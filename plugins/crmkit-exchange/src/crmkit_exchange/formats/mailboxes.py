"""Where mail is kept: one message in a file, many in an mbox, a Maildir with a file for each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from crmkit_exchange.formats.items import Item, ReadOptions, Source
from crmkit_exchange.formats.messages import message_item

__all__ = ["open_mail"]

_BEGIN = re.compile(rb"From \S.*\d{2}:\d{2}.*\d{4}")
_SEEN = 1_000
"""So much of a line is looked at to tell whether a message begins there."""
_QUOTED = re.compile(rb"^>(>*From )", re.M)


def open_mail(path: Path, options: ReadOptions) -> Source:
    """The messages of a file or of a Maildir; each part says its own encoding."""
    return _Mail(path)


class _Mail(Source):
    """Mail that was opened."""

    format = "mail"

    def __init__(self, path: Path) -> None:
        self._path = path

    def items(self) -> Iterator[Item]:
        """The messages."""
        for number, (line, raw) in enumerate(self._messages(), 1):
            yield message_item(number, raw, line)

    def _messages(self) -> Iterator[tuple[int | None, bytes]]:
        """Each message, and where it begins in the file if there is one."""
        if self._path.is_dir():
            for part in ("cur", "new"):
                files = sorted(each for each in (self._path / part).iterdir() if each.is_file())
                yield from ((None, each.read_bytes()) for each in files)
            return
        with self._path.open("rb") as file:
            is_mbox = _BEGIN.match(file.readline(_SEEN)) is not None
        if is_mbox:
            yield from _mbox(self._path)
        else:
            yield 1, self._path.read_bytes()


def _mbox(path: Path) -> Iterator[tuple[int, bytes]]:
    """The messages of an mbox: each begins with a `From ` line behind a blank one; `>From ` is unquoted (mboxrd)."""
    held: list[bytes] = []
    begin = 1
    blank = True
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if blank and _BEGIN.match(line[:_SEEN]):
                if held:
                    yield begin, _unquoted(held)
                held, begin = [], number
            else:
                held.append(line)
            blank = not line.strip()
    if held:
        yield begin, _unquoted(held)


def _unquoted(lines: list[bytes]) -> bytes:
    if lines and not lines[-1].strip():
        lines = lines[:-1]  # the blank line before the next message is not of this one
    return _QUOTED.sub(rb"\1", b"".join(lines))
