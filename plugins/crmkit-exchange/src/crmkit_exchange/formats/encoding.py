"""Which encoding a text file is in: its mark, else the first that all of it is in."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

import attrs

from crmkit.errors import nearest
from crmkit_exchange.formats.charsets import is_korean
from crmkit_exchange.formats.items import FileRefused

__all__ = ["Encoding", "detect", "opened_text"]

CHUNK = 1 << 18
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMMON = ("utf-8", "cp949", "euc-kr", "utf-16", "cp1252", "latin-1", "shift_jis")
_BINARY = (
    (b"PK\x03\x04", "a ZIP archive, as Excel workbooks (.xlsx) are; save it as CSV (UTF-8) and import that"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel or Word file (.xls, .doc); save it as CSV (UTF-8) and import that"),
    (b"%PDF", "a PDF; export the data as CSV"),
    (b"\x89PNG", "a picture; there is nothing in it to import"),
    (b"\xff\xd8\xff", "a picture; there is nothing in it to import"),
    (b"GIF8", "a picture; there is nothing in it to import"),
    (b"\x1f\x8b", "compressed; unpack it first (gunzip)"),
    (b"SQLite format 3\0", "a SQLite database; if it is crmkit's, export it: crm --db sqlite:///FILE export --all"),
    (b"\x7fELF", "a program; there is nothing in it to import"),
)  # fmt: skip


@attrs.frozen
class Encoding:
    """A codec's name for `open`."""

    name: str


def detect(path: Path, name: str, given: str | None = None) -> Encoding:
    """The encoding of a file, the one `given` or the first that all of it is in; `name` is what people call the file.

    A mark (BOM), UTF-16 by its NULs, UTF-8, CP949 (which EUC-KR is a part of) if what comes out is Korean, else
    Windows-1252. Raises `FileRefused` for what is no text, is cut within a character, or is not in the encoding given.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    _refuse_binary(head, name)
    if given:
        return Encoding(_checked(path, name, given))
    found = next((codec for mark, codec in _MARKS if head.startswith(mark)), None) or _wide(head)
    if found:
        return Encoding(_checked(path, name, found))
    if b"\0" in head.rstrip(b"\0") and _is_mostly_control(head):
        raise FileRefused(f"{name} is no text; export it as CSV, JSON, vCard or mail")
    return Encoding(_fitting(path, name))


def opened_text(path: Path, encoding: Encoding) -> Iterator[str]:
    """The lines of a text file, each with its end; NULs and lone surrogates stay."""
    with path.open(encoding=encoding.name, newline="") as file:
        yield from file


def _refuse_binary(head: bytes, name: str) -> None:
    if not head.strip():
        raise FileRefused(f"{name} is empty; there is nothing in it to import")
    for mark, what in _BINARY:
        if head.startswith(mark):
            raise FileRefused(f"{name} is {what}")


def _is_mostly_control(head: bytes) -> bool:
    control = sum(each < 9 or 13 < each < 27 or 27 < each < 32 for each in head)
    return control > len(head) / 50 + 1


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of Latin text is NUL."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = len(head) / 2
    if odd > half * 0.4 and even < half * 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > half * 0.4 and odd < half * 0.1 else None


def _checked(path: Path, name: str, codec: str) -> str:
    """The codec if all of the file is in it; raises `FileRefused`, which says where it is not."""
    try:
        found = codecs.lookup(codec).name
        "a".encode(found)
    except (LookupError, ValueError):
        hint = nearest(codec, _COMMON) or f"; {', '.join(_COMMON)} are common ones"
        raise FileRefused(f"there is no encoding {codec!r}{hint}") from None
    place = _misfit(path, codec)
    if place is not None:
        raise FileRefused(
            f"{name} is not in {codec}: the bytes at {place[0]:,} (line {place[1]:,}) are no character of it; "
            "it is cut off there, or name another with --encoding"
        )
    return codec


def _misfit(path: Path, codec: str) -> tuple[int, int] | None:
    """Where a file cannot be decoded: (offset, line); None if all of it can."""
    decoder, offset, line = codecs.getincrementaldecoder(codec)(), 0, 1
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                return offset + int(getattr(error, "start", 0)), line
            offset, line = offset + len(chunk), line + text.count("\n")
            if not chunk:
                return None


def _fitting(path: Path, name: str) -> str:
    """The codec of a file without a mark."""
    place = _misfit(path, "utf-8")
    if place is None:
        return "utf-8"
    if _is_cut(path, place[0]):
        raise FileRefused(
            f"{name} is cut off within its last character; get the whole file, or take that away"
        )
    if _misfit(path, "cp949") is None and is_korean(_sample(path)):
        return "cp949"
    return "cp1252" if _misfit(path, "cp1252") is None else "latin-1"


def _is_cut(path: Path, offset: int) -> bool:
    """Whether UTF-8 with characters beyond ASCII ends in the middle of one."""
    size = path.stat().st_size
    if size - offset > 3:
        return False
    with path.open("rb") as file:
        file.seek(max(0, offset - CHUNK))
        return not file.read(min(offset, CHUNK)).isascii()


def _sample(path: Path) -> str:
    """The first text of a file that is not ASCII alone, by lines."""
    found: list[str] = []
    with path.open(encoding="cp949", newline="") as file:
        for line in file:
            if not line.isascii():
                found.append(line)
            if len(found) >= 500:
                break
    return "".join(found)
