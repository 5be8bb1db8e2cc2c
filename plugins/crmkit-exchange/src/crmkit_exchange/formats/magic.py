"""What a file is that is none of ours, by the bytes it begins with."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from crmkit_exchange.formats.items import FileRefused

__all__ = ["refuse_foreign"]

HEAD = 1 << 12
_AS_CSV = "save it as CSV (UTF-8) and import that"
_NOTHING = "there is nothing in it to import"
_UNPACK = "unpack it, and import what is in it"
_MARKS = (
    (b"%PDF-", f"a PDF; {_NOTHING}, export the data as CSV"),
    (b"\x89PNG\r\n", f"a picture (PNG); {_NOTHING}"),
    (b"\xff\xd8\xff", f"a picture (JPEG); {_NOTHING}"),
    (b"GIF87a", f"a picture (GIF); {_NOTHING}"),
    (b"GIF89a", f"a picture (GIF); {_NOTHING}"),
    (b"\x1f\x8b", f"compressed (gzip); {_UNPACK}"),
    (b"BZh", f"compressed (bzip2); {_UNPACK}"),
    (b"\xfd7zXZ\x00", f"compressed (xz); {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"compressed (Zstandard); {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"an archive (7z); {_UNPACK}"),
    (b"Rar!\x1a\x07", f"an archive (RAR); {_UNPACK}"),
    (b"!BDN", "an Outlook data file (PST); export its contacts as vCard or CSV and its mail as .eml"),
    (b"PAR1", f"a Parquet file; {_AS_CSV}"),
    (b"\x7fELF", f"a program; {_NOTHING}"),
    (b"{\\rtf", "a text document (RTF); save it as CSV and import that"),
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SQLITE = b"SQLite format 3\0"
_CRMKIT = b"crmk"
"""What the application id says of a database of crmkit's plugin for SQLite."""

_WORDS = (
    (re.compile(rb"<(!doctype html|html|head|body|table)\b", re.I), f"a web page (HTML); {_AS_CSV}"),
    (re.compile(rb"<\?xml\b|<[a-z][\w:.-]*[^<>]*>\s*<", re.I), f"XML; {_AS_CSV}"),
    (re.compile(rb"BEGIN:V(CALENDAR|EVENT|TIMEZONE|TODO)\b", re.I), f"a calendar (iCalendar); {_NOTHING}"),
)  # fmt: skip


def refuse_foreign(path: Path, name: str) -> None:
    """Raise `FileRefused` for a file that is known to be something else: it says what, and what to do."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    what = _known(path, name, head)
    if what:
        raise FileRefused(f"{name} is {what}")


def _known(path: Path, name: str, head: bytes) -> str | None:
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path, head)
    if head.startswith(_OLE):
        return _compound(path, name)
    if head.startswith(_SQLITE):
        return _database(name, head)
    words = head.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n")
    marks = (what for mark, what in _MARKS if head.startswith(mark))
    return next(marks, None) or next((what for word, what in _WORDS if word.match(words)), None)


def _zipped(path: Path, head: bytes) -> str:
    """What a ZIP archive holds; of one that is cut the first bytes tell."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = " ".join(archive.namelist()).encode("utf-8", "replace") + head
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        inside = head
    if b"xl/" in inside:
        return f"an Excel workbook; {_AS_CSV}"
    if b"opendocument.spreadsheet" in inside:
        return f"an OpenDocument spreadsheet; {_AS_CSV}"
    if b"Index/Document.iwa" in inside:
        return f"a document of Apple's Numbers or Pages; {_AS_CSV}"
    if b"word/" in inside or b"opendocument.text" in inside:
        return f"a text document; {_AS_CSV}"
    return f"a ZIP archive; {_UNPACK}"


def _compound(path: Path, name: str) -> str:
    """What an old file of Microsoft's is, by the names of the streams in it."""
    with path.open("rb") as file:
        inside = file.read(1 << 22)
    if "__substg1.0_".encode("utf-16-le") in inside:
        return "an Outlook message (.msg); save it as .eml and import that"
    is_book = any(each.encode("utf-16-le") in inside for each in ("Workbook", "Book"))
    if is_book or Path(name).suffix.casefold() == ".xls":
        return f"an Excel workbook; {_AS_CSV}"
    return f"a document of an old Office; {_AS_CSV}"


def _database(name: str, head: bytes) -> str:
    if head[68:72] == _CRMKIT:
        return f"a database of crmkit; export it with `crm --db sqlite:///{name} export --all FILE`, and import that"
    return "an SQLite database and none of crmkit's; export its tables as CSV, and import those"
