"""Opening a file: which format it is in, by what is in it first, then by its name."""

from __future__ import annotations

import re
from pathlib import Path

from crmkit_exchange.formats.encoding import detect
from crmkit_exchange.formats.items import FileRefused, ReadOptions, Source
from crmkit_exchange.formats.magic import refuse_foreign

__all__ = ["open_source"]

_ENDINGS = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json",
    ".vcf": "vcard", ".vcard": "vcard", ".eml": "mail", ".mbox": "mail", ".mbx": "mail",
}  # fmt: skip
_HEADER = re.compile(
    rb"(From |Return-Path:|Received:|Delivered-To:|Message-ID:|MIME-Version:|From:|To:|Subject:|Date:|X-[\w-]+:|DKIM-Signature:"
    rb"|Reply-To:|Content-Type:|ARC-[\w-]+:|Authentication-Results:|Mime-Version:)",
    re.I,
)


def open_source(path: Path, name: str, options: ReadOptions) -> Source:
    """The items of a file; `name` is what people call it. Raises `FileRefused` for what cannot be read."""
    found = options.format or _format(path, name)
    if found == "mail":
        from crmkit_exchange.formats.mailboxes import open_mail

        return open_mail(path, options)
    if found == "vcard":
        from crmkit_exchange.formats.vcards import open_vcards

        return open_vcards(path, options)
    refuse_foreign(path, name)
    encoding = detect(path, name, options.encoding)
    if found == "json":
        from crmkit_exchange.formats.objects import open_objects

        return open_objects(path, name, options, encoding)
    from crmkit_exchange.formats.delimited import open_delimited

    return open_delimited(path, name, options, encoding)


def _format(path: Path, name: str) -> str:
    if path.is_dir():
        return "mail"
    with path.open("rb") as file:
        head = file.read(4096)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").replace(b"\0", b"")
    ending = _ENDINGS.get(Path(name).suffix.casefold())
    if not text:
        raise FileRefused(f"{name} is empty; there is nothing in it to import")
    if re.match(rb"BEGIN\s*:\s*VCARD", text, re.I) or re.match(
        rb"(\xff\xfe|\xfe\xff)BEGIN:VCARD", text, re.I
    ):
        return "vcard"
    if text[:1] in b"{[" and ending != "csv":
        return "json"
    if ending == "mail" or (ending is None and _HEADER.match(head)):
        return "mail"
    if _HEADER.match(head) and head.startswith(b"From ") and ending != "csv":
        return "mail"
    return "csv" if ending in {None, "mail"} else ending
