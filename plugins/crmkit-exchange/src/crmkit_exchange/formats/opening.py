"""Opening a file: which format it is in, by what is in it first, then by its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from crmkit.errors import nearest
from crmkit_exchange.formats.delimited import first_lines, open_delimited
from crmkit_exchange.formats.dialect import is_table
from crmkit_exchange.formats.encoding import detect
from crmkit_exchange.formats.items import FileRefused, ReadOptions, Source
from crmkit_exchange.formats.magic import refuse_foreign
from crmkit_exchange.formats.objects import open_objects
from crmkit_exchange.formats.snapshot import is_maildir

__all__ = ["FORMATS", "open_source"]

FORMATS = ("csv", "json", "vcard", "mail")

_ENDINGS = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".psv": "csv", ".txt": "csv", ".dat": "csv", "": "csv",
    ".json": "json", ".jsonl": "json", ".ndjson": "json", ".jl": "json",
    ".vcf": "vcard", ".vcard": "vcard",
    ".eml": "mail", ".mbox": "mail", ".mbx": "mail",
}  # fmt: skip
_VCARD = re.compile(rb"BEGIN[ \t]*:[ \t]*VCARD\b", re.I)
_JSON = re.compile(rb'\{\s*["}]|\[\s*[\[{"\]]')
_JSON_LIKE = re.compile(rb'[\[{"]|-?\d+\s*$|(true|false|null|NaN)\b')
_MBOX = re.compile(rb"From \S+ .*\d\d:\d\d.*\d{4}")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_OF_MAIL = {
    b"received", b"return-path", b"delivered-to", b"from", b"to", b"cc", b"date", b"subject", b"message-id",
    b"mime-version", b"content-type", b"reply-to", b"dkim-signature", b"authentication-results", b"sender",
}  # fmt: skip
_OF_MAIL_ALONE = {b"received", b"return-path", b"message-id", b"mime-version", b"content-type"}
HEAD = 1 << 14


def open_source(path: Path, name: str, options: ReadOptions) -> Source:
    """The items of a file; `name` is what people call it, and `path` may be a copy under another name.

    The format is the one that was said, else that of what the file begins with, else that of its name's ending. Raises
    `FileRefused` for what is none of ours, and for what cannot be read.
    """
    if options.format not in {None, *FORMATS}:
        hint = nearest(str(options.format), FORMATS) or f"; there are {', '.join(FORMATS)}"
        raise FileRefused(f"there is no format {options.format!r}{hint}")
    if path.is_dir():
        return _folder(path, name, options)
    refuse_foreign(path, name)
    found = options.format or _format(path, name)
    if found == "mail":
        from crmkit_exchange.formats.mailboxes import open_mail

        return _called(open_mail, path, name, options)
    if found == "vcard":
        from crmkit_exchange.formats.vcards import open_vcards

        return _called(open_vcards, path, name, options)
    encoding = detect(path, name, options.encoding)
    if found == "json":
        return open_objects(path, name, options, encoding)
    if found is None and not is_table(first_lines(path, encoding, options.skip)):
        raise FileRefused(
            f"{name} looks like none of CSV, JSON, vCard and mail; say with --input which it is, if it is one"
        )
    return open_delimited(path, name, options, encoding)


def _folder(path: Path, name: str, options: ReadOptions) -> Source:
    if not is_maildir(path):
        raise FileRefused(
            f"{name} is a folder and no Maildir, which has cur and new in it; name the files that are to be imported"
        )
    from crmkit_exchange.formats.mailboxes import open_mail

    return _called(open_mail, path, name, options)


def _called(
    open_: Callable[[Path, ReadOptions], Source], path: Path, name: str, options: ReadOptions
) -> Source:
    """What was opened; the sentence of a refusal has the name that people know."""
    try:
        return open_(path, options)
    except FileRefused as error:
        raise FileRefused(str(error).replace(str(path), name)) from error


def _format(path: Path, name: str) -> str | None:
    """The format of a file; None if only being a table could tell."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    # Without the NULs of UTF-16 and the marks, what is ASCII reads alike in all encodings.
    begin = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    ending = _ENDINGS.get(Path(name).suffix.casefold())
    if _VCARD.match(begin):
        return "vcard"
    if _JSON.match(begin):
        return "json"
    if _MBOX.match(begin) or _is_message(begin):
        return "mail"
    return "csv" if ending == "json" and begin and not _JSON_LIKE.match(begin) else ending


def _is_message(begin: bytes) -> bool:
    """Whether a text begins with the head of a mail: two fields that mails have, or all of one that nothing else has."""
    known: set[bytes] = set()
    for line in begin.splitlines():
        if line[:1] in b" \t" and line.strip():
            continue
        field = _FIELD.match(line)
        if not field:
            return len(known) > 1 or (not line.strip() and bool(known & _OF_MAIL_ALONE))
        known |= {field[1].lower()} & _OF_MAIL
    return len(known) > 1
