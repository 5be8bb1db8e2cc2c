"""Which encoding a text file is in: its mark, else the one that all of it is in and that makes sense of it."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO, TypeAlias

import attrs

from crmkit.errors import nearest
from crmkit_exchange.formats.charsets import WIDER, codec_of, is_korean
from crmkit_exchange.formats.items import FileRefused

__all__ = ["Encoding", "detect", "opened"]

CHUNK = 1 << 18
HEAD = 1 << 16
SAMPLE = 1 << 17
"""So many bytes of the lines that are not ASCII alone are looked at."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COMMON = (
    "utf-8", "cp949", "euc-kr", "utf-16", "cp1252", "latin-1", "cp932", "shift_jis", "gb18030", "big5", "cp1250",
    "cp1251",
)  # fmt: skip
_CONTROL = bytes([*range(9), *range(14, 27), *range(28, 32), 127])
_KANA = re.compile("[ぁ-んァ-ヶー]")
_IDEOGRAPH = re.compile("[一-鿿々〆]")
_UNUSUAL = re.compile("[^\x00-\x7f\xa0¡¿«»°©®·“”‘’„‚–—…•€™]")
_TOGETHER = re.compile(f"(?:{_UNUSUAL.pattern}){{3,}}")
_FOREIGN = re.compile("[^\x00-\x7f]")
_RARE = re.compile("[ƒ‚„†‡ˆ‰Š‹ŒŽ˜›]")
_ODD = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ud800-\uf8ff\ufffd-\uffff]")

_Looks: TypeAlias = Callable[[str], bool]


@attrs.frozen
class Encoding:
    """A codec's name, and how many bytes of a mark (BOM) stand before the text."""

    name: str
    mark: int = 0


@attrs.frozen
class _Misfit:
    """Where a file cannot be decoded: the byte from 0, the line from 1; `is_end` if a character is cut off there."""

    offset: int
    line: int
    is_end: bool


def opened(path: Path, encoding: Encoding) -> TextIO:
    """The text of a file from behind its mark; ends of lines, NULs and lone surrogates are as they stand there."""
    file = path.open("rb")
    file.seek(encoding.mark)
    return io.TextIOWrapper(file, encoding.name, newline="")


def detect(path: Path, name: str, given: str | None = None) -> Encoding:
    """The encoding of a file, the one `given` or one that was found; `name` is what people call the file.

    Found is, in this order, what its mark says; UTF-16 and UTF-32 by their NULs; UTF-8; CP949, which EUC-KR is a part
    of, if Korean comes out; Shift JIS and EUC-JP if Japanese does; Windows-1252 if that looks like a Western language.
    All of the file is in it. Raises `FileRefused` for what is no text, breaks off within a character, is not in the
    encoding given, or could be in several.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    marked = next(((codec, len(mark)) for mark, codec in _MARKS if head.startswith(mark)), None)
    if not head[marked[1] if marked else 0 :].strip(b" \t\r\n\0"):
        raise FileRefused(f"{name} is empty; there is nothing in it to import")
    if given:
        return _given(path, name, given, head, marked)
    wide = _wide(head[marked[1] :] if marked else head)
    if marked:
        # Some programs put the mark of UTF-16 before UTF-32.
        codec = wide if wide and wide.startswith("utf-32") else marked[0]
        return _checked(path, name, Encoding(codec, marked[1]))
    if wide:
        return _checked(path, name, Encoding(wide))
    return Encoding(_found(path, name, head))


# Given ---------------------------------------------------------------------------------------------------------


def _given(
    path: Path, name: str, given: str, head: bytes, marked: tuple[str, int] | None
) -> Encoding:
    """The encoding that somebody said, or the wider one that is meant by that name; past a mark of its own."""
    codec = codec_of(given) or ("ascii" if given.lower() in {"ascii", "us-ascii"} else None)
    if codec is None:
        hint = nearest(given, _COMMON) or f"; {', '.join(_COMMON[:6])} are common ones"
        raise FileRefused(f"there is no encoding {given!r}{hint}")
    codec = codec.removesuffix("-sig")
    if codec in {"utf-16", "utf-32"}:
        own = marked[0] if marked and marked[0].startswith(codec) else _wide(head)
        codec = own if own and own.startswith(codec) else f"{codec}-le"
    mark = marked[1] if marked and marked[0] == codec else 0
    wider = Encoding(WIDER.get(codec, codec), mark)
    return wider if _misfit(path, wider) is None else _checked(path, name, Encoding(codec, mark))


def _checked(path: Path, name: str, encoding: Encoding) -> Encoding:
    """The encoding, if all of the file is in it."""
    place = _misfit(path, encoding)
    if place is not None:
        raise _refusal(name, encoding, place)
    return encoding


def _refusal(name: str, encoding: Encoding, place: _Misfit) -> FileRefused:
    where = f"at byte {place.offset:,} (line {place.line:,})"
    if place.is_end:
        return FileRefused(
            f"{name} breaks off within a character of {encoding.name} {where}: it was cut off, get the whole file"
        )
    return FileRefused(
        f"{name} is not all in {encoding.name}, there is no character of it {where}; mend that, or name another "
        "encoding with --encoding"
    )


def _misfit(path: Path, encoding: Encoding) -> _Misfit | None:
    """Where a file cannot be decoded; None if all of it can."""
    decoder = codecs.getincrementaldecoder(encoding.name)()
    offset, feeds, returns = encoding.mark, 0, 0
    with path.open("rb") as file:
        file.seek(offset)
        while True:
            chunk = file.read(CHUNK)
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                start = getattr(error, "start", held)
                before = (chunk[: max(0, start - held)]).decode(encoding.name, "ignore")
                line = 1 + max(feeds + before.count("\n"), returns + before.count("\r"))
                return _Misfit(offset - held + start, line, is_end=not chunk)
            if not chunk:
                return None
            offset += len(chunk)
            feeds, returns = feeds + text.count("\n"), returns + text.count("\r")


# Found ---------------------------------------------------------------------------------------------------------


def _wide(head: bytes) -> str | None:
    """UTF-16 and UTF-32 without a mark: the upper bytes of what is Latin are NUL, and few others, as those of `가`."""
    size = len(head) // 4
    first, second, third, fourth = (head[at : size * 4 : 4].count(0) for at in range(4))
    if 2 <= size == fourth and size * 0.9 <= third and first < size:
        return "utf-32-le"
    if 2 <= size == first and size * 0.9 <= second and fourth < size:
        return "utf-32-be"
    upper, lower = head[1::2].count(0), head[::2].count(0)
    if upper > 2 and lower * 3 <= upper and _is_sensible(head, "utf-16-le"):
        return "utf-16-le"
    if lower > 2 and upper * 3 <= lower and _is_sensible(head, "utf-16-be"):
        return "utf-16-be"
    return None


def _is_sensible(head: bytes, codec: str) -> bool:
    """Whether bytes make text in 16 bits: 8-bit text with NULs would lose its lines and be full of odd characters."""
    text = head.decode(codec, "ignore")
    has_lines = any(end in text for end in "\r\n") or not any(end in head for end in b"\r\n")
    return has_lines and len(_ODD.findall(text)) * 50 <= len(text)


def _found(path: Path, name: str, head: bytes) -> str:
    """The codec of a file without a mark, in bytes of 8 bits."""
    place = _misfit(path, Encoding("utf-8"))
    control = len(head) - len(head.translate(None, _CONTROL))
    if control * 10 > len(head) * 3 or (place and control * 50 > len(head)):
        raise FileRefused(f"{name} is no text; export it as CSV, JSON, vCard or mail")
    if place is None:
        return "utf-8"
    sample = b"".join(_foreign(path))
    if _is_nearly_utf8(sample):
        raise _refusal(name, Encoding("utf-8"), place)
    for codec, looks in _LOOKS:
        if looks(sample.decode(codec, "ignore")):
            return _checked(path, name, Encoding(codec)).name
    raise FileRefused(
        f"{name} does not show which encoding it is in; name it with --encoding, as in cp949, cp932, gb18030 or cp1251"
    )


def _foreign(path: Path) -> Iterator[bytes]:
    """The first lines of a file that are not ASCII alone."""
    left = SAMPLE
    with path.open("rb") as file:
        while left > 0 and (line := file.readline(CHUNK)):
            if not line.isascii():
                yield line
                left -= len(line)


def _is_nearly_utf8(sample: bytes) -> bool:
    """Whether what is not ASCII is UTF-8 but for little, which chance does not bring about."""
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return sum(each > "\x7f" for each in text) - broken > broken * 4


def _is_japanese(text: str) -> bool:
    """Whether all foreign letters are kana and kanji, and a quarter are kana."""
    letters = sum(each > "\x7f" and each.isalpha() for each in text)
    kana = len(_KANA.findall(text))
    return 0 < letters <= kana * 4 and kana + len(_IDEOGRAPH.findall(text)) >= letters


def _is_western(text: str) -> bool:
    """Whether letters with accents stand among plain ones; those of other scripts come out together, or are rare."""
    unusual, rare = len(_UNUSUAL.findall(text)), len(_RARE.findall(text))
    together = sum(map(len, _TOGETHER.findall(text)))
    return together * 4 <= unusual and rare * 5 <= len(text) - len(_FOREIGN.sub("", text))


_LOOKS: tuple[tuple[str, _Looks], ...] = (
    ("cp949", is_korean),
    ("cp932", _is_japanese),
    ("euc_jp", _is_japanese),
    ("cp1252", _is_western),
)
